// Functions only the simulator exports: settings, statistics, modelled times.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <optional>

#include "engine/parser.h"
#include "sim/export.h"
#include "sim/framework.h"
#include "sim/json.h"

namespace ane::sim {
namespace {

// Copies a result with its terminator. Returns the bytes the whole needs, as snprintf does.
int CopyOut(const std::string& text, char* out, size_t size) {
  if (out != nullptr && size > 0) {
    const size_t count = std::min(size - 1, text.size());
    std::memcpy(out, text.data(), count);
    out[count] = '\0';
  }
  return int(text.size());
}

std::string Text(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.12g", value);
  return buffer;
}

// {"chip":"m4", "text":"<MIL>", "function":"main"} or {"chip":"m4", "convolution_flops":…} with
// the members of Cost.
std::string ModelledJson(const char* text) {
  const std::optional<Json> json = text == nullptr ? std::nullopt : ParseJson(text);
  const Chip* chip = json ? FindChip(json->Text("chip", "m4")) : nullptr;
  if (chip == nullptr) return "{\"error\":\"Expected a JSON object with a known chip.\"}";
  Cost cost;
  if (const Json* mil = json->Find("text"); mil != nullptr) {
    const std::string name = json->Text("function", "main");
    std::string error;
    if (!ParseText(mil->text, &error)) return "{\"error\":" + Quoted(error) + "}";
    const std::vector<engine::Function> functions = engine::Parse(mil->text);
    const auto found =
        std::find_if(functions.begin(), functions.end(),
                     [&](const engine::Function& function) { return function.name == name; });
    if (found == functions.end())
      return "{\"error\":\"Expected a function of that name, got none.\"}";
    cost = CostOf(*found);
  } else {
    cost.convolution_flops = json->Number("convolution_flops", 0);
    cost.matmul_flops = json->Number("matmul_flops", 0);
    cost.surface_bytes = json->Number("surface_bytes", 0);
    cost.weight_bytes = json->Number("weight_bytes", 0);
    cost.layout_bytes = json->Number("layout_bytes", 0);
    cost.largest_operation = json->Number("largest_operation", 0);
    cost.operations = int64_t(json->Number("operations", 0));
    cost.columns = int64_t(json->Number("columns", 64));
  }
  const ChipModel& model = ModelOf(chip->name);
  const ModelledTime time = EvaluateTime(model, cost);
  return "{\"modelled\":true,\"chip\":" + Quoted(chip->name) +
         ",\"milliseconds\":" + Text(time.total_ms()) +
         ",\"dispatch_ms\":" + Text(time.dispatch_ms) + ",\"compute_ms\":" + Text(time.compute_ms) +
         ",\"traffic_ms\":" + Text(time.traffic_ms) + ",\"weights_ms\":" + Text(time.weights_ms) +
         ",\"operations_ms\":" + Text(time.operations_ms) +
         ",\"beyond_sram\":" + (time.beyond_sram ? "true" : "false") +
         ",\"compile_ms\":" + Text(CompileMilliseconds(model, cost, false)) +
         ",\"convolution_flops\":" + Text(cost.convolution_flops) +
         ",\"matmul_flops\":" + Text(cost.matmul_flops) +
         ",\"surface_bytes\":" + Text(cost.surface_bytes) +
         ",\"weight_bytes\":" + Text(cost.weight_bytes) +
         ",\"layout_bytes\":" + Text(cost.layout_bytes) +
         ",\"largest_operation\":" + Text(cost.largest_operation) +
         ",\"operations\":" + std::to_string(cost.operations) +
         ",\"columns\":" + std::to_string(cost.columns) + "}";
}

__attribute__((constructor)) void RegisterClasses() {
  RegisterFoundation();
  RegisterSurface();
  RegisterDescriptor();
  RegisterModel();
  RegisterRequest();
  RegisterDeviceInfo();
}

template <typename Body>
int Guarded(Body body) noexcept {
  try {
    return body();
  } catch (...) {
    return -1;
  }
}

}  // namespace
}  // namespace ane::sim

using namespace ane::sim;

extern "C" {

// The version of this interface. A Mac's libraries never have this function.
ANE_SIM_EXPORT int ane_simulator_version() noexcept { return 1; }

// Sets chip, system, faults and limits and starts counting anew. 0, or −1 when the JSON is not
// understood.
ANE_SIM_EXPORT int ane_simulator_configure(const char* json) noexcept {
  return Guarded([&] { return Configure(json) ? 0 : -1; });
}

// Back to an M4 without faults.
ANE_SIM_EXPORT void ane_simulator_reset() noexcept {
  Guarded([] {
    Reset();
    return 0;
  });
}

// Writes JSON; returns its length, which may exceed `size`, or −1.
ANE_SIM_EXPORT int ane_simulator_statistics(char* json, size_t size) noexcept {
  return Guarded([&] { return CopyOut(StatisticsJson(), json, size); });
}

// The modelled time of one evaluation. Writes JSON; returns its length, which may exceed `size`, or
// −1.
ANE_SIM_EXPORT int ane_simulator_model(const char* json_in, char* json_out, size_t size) noexcept {
  return Guarded([&] { return CopyOut(ModelledJson(json_in), json_out, size); });
}

}  // extern "C"
