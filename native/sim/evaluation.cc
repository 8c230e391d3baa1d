// Binding the surfaces of a request to a program and running it.
#include <algorithm>
#include <cstring>
#include <set>

#include "sim/framework.h"
#include "sim/rules.h"

namespace ane::sim {
namespace {

constexpr size_t kMinimumBytes = 49152;  // C-51
constexpr char kFailed[] =
    "processRequest:model:qos:qIndex:modelStringID:options:returnValue:error:: "
    "ANEProgramProcessRequestDirect() Failed "
    "with status=0x1d : statusType=0x9: Program Inference error";

bool Refused(Id* error, const std::string& rule, const std::string& why) {
  RecordFinding({rule, why, true});
  return Fails(
      error, kDomain, 8,
      std::string(kFailed) + " (simulated" + (rule.empty() ? "" : " " + rule) + ": " + why + ")");
}

// False, with the error set, where a rule is enforced; else breaking it is only noted.
bool Allowed(const Settings& settings, const char* rule, const std::string& what, Id* error) {
  const Verdict verdict = Judge(settings, rule);
  if (verdict == Verdict::kRefuse) return Refused(error, rule, what);
  if (verdict == Verdict::kWarn) RecordFinding({rule, what, false});
  return true;
}

struct Binding {
  std::vector<Surface*> surfaces;  // by symbol
};

// Pairs surfaces with symbols by their indices and applies the rules on sizes.
bool Bind(const std::vector<Symbol>& symbols, const Array& objects, const Array& indices,
          const char* what, const char* uniform_rule, const Settings& settings, Binding* binding,
          Id* error) {
  if (objects.items.size() != symbols.size() || indices.items.size() != symbols.size()) {
    return Refused(error, "",
                   "expected " + std::to_string(symbols.size()) + " " + what + " surfaces, got " +
                       std::to_string(objects.items.size()));
  }
  binding->surfaces.assign(symbols.size(), nullptr);
  for (size_t i = 0; i < objects.items.size(); ++i) {
    const SurfaceObject* object = As<SurfaceObject>(objects.items[i]);
    const Number* index = As<Number>(indices.items[i]);
    if (object == nullptr || index == nullptr || index->value < 0 ||
        size_t(index->value) >= symbols.size() ||
        binding->surfaces[size_t(index->value)] != nullptr) {
      return Refused(error, "", std::string("expected every ") + what + " index once");
    }
    if (object->start_offset->value != 0) return Refused(error, "", "expected start offset 0");
    binding->surfaces[size_t(index->value)] = object->surface.get();
  }
  const bool enforce_minimum = Judge(settings, "C-51") == Verdict::kRefuse;
  for (size_t i = 0; i < symbols.size(); ++i) {
    const Symbol& symbol = symbols[i];
    const size_t bytes = binding->surfaces[i]->bytes;
    const std::string name = std::string(what) + " " + symbol.name;
    const std::string sizes = ", got " + std::to_string(bytes) + " bytes";
    if (bytes < symbol.bytes)
      return Refused(error, "C-75", name + " needs " + std::to_string(symbol.bytes) + sizes);
    if (enforce_minimum && bytes < kMinimumBytes)
      return Refused(error, "C-51", name + " needs 49152" + sizes);
    if (bytes != binding->surfaces[0]->bytes && Judge(settings, uniform_rule) == Verdict::kRefuse)
      return Refused(error, uniform_rule,
                     name + " needs " + std::to_string(binding->surfaces[0]->bytes) + sizes);
    if (bytes % 128 != 0 && Judge(settings, "C-55") == Verdict::kRefuse)
      return Refused(error, "C-55", name + " needs a multiple of 128" + sizes);
    const int64_t width = symbol.shape.empty() ? 1 : symbol.shape.back();
    const Chip& chip = *settings.chip;
    if (width < chip.min_width &&
        !Allowed(settings, "C-52",
                 name + " is " + std::to_string(width) + " wide, below " +
                     std::to_string(chip.min_width),
                 error))
      return false;
    if (symbol.shape.size() == 4 && symbol.shape[1] < 64 &&
        !Allowed(settings, "C-57", name + " has " + std::to_string(symbol.shape[1]) + " channels",
                 error))
      return false;
    if (width % chip.width_multiple != 0 && Judge(settings, "C-53") == Verdict::kRefuse)
      return Refused(error, chip.family == 4 ? "C-54" : "C-53",
                     name + " is " + std::to_string(width) + " wide, no multiple of " +
                         std::to_string(chip.width_multiple));
  }
  return true;
}

// Whether M1 finds the surfaces where it looks: inputs of growing and outputs of shrinking size
// (C-74).
bool IsOrdered(const Binding& inputs, const Binding& outputs) {
  const auto smaller = [](const Surface* a, const Surface* b) { return a->bytes < b->bytes; };
  return std::is_sorted(inputs.surfaces.begin(), inputs.surfaces.end(), smaller) &&
         std::is_sorted(outputs.surfaces.rbegin(), outputs.surfaces.rend(), smaller);
}

// Whether the largest tensor is more than, or at least, that many times the smallest (C-80).
bool IsMixed(const std::vector<Symbol>& symbols, size_t times) {
  const auto [least, most] =
      std::minmax_element(symbols.begin(), symbols.end(), [](const Symbol& a, const Symbol& b) {
        return a.bytes < b.bytes;
      });
  return least != symbols.end() && least->bytes < most->bytes && most->bytes >= times * least->bytes;
}

// Times are the chip's, not this machine's.
uint64_t CountEvaluation(const Procedure& procedure, const Settings& settings) {
  const double ms = EvaluateTime(ModelOf(settings.chip->name), procedure.cost).total_ms();
  const uint64_t nanoseconds = uint64_t(ms * 1e6);
  Count([&](Counters& counters) {
    ++counters.evaluations;
    counters.evaluate_nanoseconds += int64_t(nanoseconds);
    counters.evaluated_flops +=
        int64_t(procedure.cost.convolution_flops + procedure.cost.matmul_flops);
    counters.surface_bytes_moved += int64_t(procedure.cost.surface_bytes);
  });
  return nanoseconds;
}

}  // namespace

bool EvaluateRequest(Program& program, Request& request, uint32_t perf_stats_mask, Id* error) {
  const Settings settings = CurrentSettings();
  if (FaultDue(Call::kEvaluate)) return Refused(error, "", "injected fault");
  if (Poisoned()) return Refused(error, "C-27", FindRule("C-27")->symptom);
  // A program with one function takes any index.
  const int64_t index = program.procedures.size() == 1 ? 0 : request.procedure_index->value;
  if (index < 0 || size_t(index) >= program.procedures.size())
    return Refused(error, "",
                   "expected a procedure below " + std::to_string(program.procedures.size()) +
                       ", got " + std::to_string(index));
  const Procedure& procedure = *program.procedures[size_t(index)];
  Binding inputs, outputs;
  if (!Bind(procedure.inputs, *request.inputs.get(), *request.input_indices.get(), "input", "C-70",
            settings, &inputs, error) ||
      !Bind(procedure.outputs, *request.outputs.get(), *request.output_indices.get(), "output",
            "C-71", settings, &outputs, error)) {
    return false;
  }
  if (IsMixed(procedure.inputs, 1) && IsMixed(procedure.outputs, 8) &&
      !Allowed(settings, "C-80", FindRule("C-80")->symptom, error))
    return false;
  std::vector<const void*> reads;
  std::vector<void*> writes;
  std::set<const Surface*> written;
  for (const Surface* surface : inputs.surfaces) reads.push_back(surface->memory);
  for (const Surface* surface : outputs.surfaces) {
    writes.push_back(surface->memory);
    const bool shared =
        !written.insert(surface).second ||
        std::find(inputs.surfaces.begin(), inputs.surfaces.end(), surface) != inputs.surfaces.end();
    if (shared)
      return Refused(error, "", "expected output surfaces that nothing else in the request uses");
  }
  if (const Status status = RunProcedure(procedure, reads, writes); !status.ok())
    return Refused(error, "", status.message());
  if (Judge(settings, "C-74") != Verdict::kNone && !IsOrdered(inputs, outputs)) {
    RecordFinding({"C-74", FindRule("C-74")->symptom, false});
    for (const Surface* surface : outputs.surfaces) std::memset(surface->memory, 0, surface->bytes);
  }
  if (procedure.has_tile && Judge(settings, "C-27") == Verdict::kRefuse) Poison();
  const uint64_t nanoseconds = CountEvaluation(procedure, settings);
  if (perf_stats_mask != 0 && request.perf_stats)
    request.perf_stats->hardware_nanoseconds = nanoseconds;
  return true;
}

}  // namespace ane::sim
