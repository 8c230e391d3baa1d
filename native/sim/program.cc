#include "sim/program.h"

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <set>

#include "base/thread_pool.h"
#include "engine/analysis.h"
#include "engine/blob.h"
#include "engine/lexer.h"
#include "engine/lowering.h"
#include "engine/parser.h"
#include "sim/function_facts.h"
#include "sim/rules.h"

namespace ane::sim {
namespace {

using engine::Function;
using engine::Operand;
using engine::Operation;

std::string Located(std::string_view text, const engine::CompileError& error) {
  const auto [line, column] = engine::LineAndColumn(text, error.offset);
  return "line " + std::to_string(line) + ", column " + std::to_string(column) + ": " +
         error.message;
}

// Masks of attention have no effect (C-20).
void DropMasks(Function* function) {
  for (Operation& operation : function->operations) {
    if (operation.op != "scaled_dot_product_attention") continue;
    std::erase_if(operation.operands,
                  [](const Operand& operand) { return operand.name == "attn_mask"; });
  }
}

// Puts a constant of zeros in an operand's place, if its declared type says how many.
void Zero(Function* function, Operand* operand) {
  engine::Value zero = function->values[size_t(operand->values[0])];
  const engine::Shape& shape = zero.type.shape;
  if (std::any_of(shape.begin(), shape.end(), [](int64_t dim) { return dim < 0; })) return;
  auto literal = std::make_shared<engine::Literal>();
  literal->type = zero.type;
  literal->bytes.resize(size_t(engine::ElementCount(shape)) * SizeOf(zero.type.dtype));
  zero.name += "_ignored";
  zero.literal = std::move(literal);
  zero.blob = nullptr;
  function->values.push_back(std::move(zero));
  operand->values[0] = int(function->values.size()) - 1;
}

Operand* Find(Operation& operation, std::string_view name) {
  for (Operand& operand : operation.operands) {
    if (operand.name == name && !operand.values.empty()) return &operand;
  }
  return nullptr;
}

// The Neural Engine convolves with whatever its weight memory holds when a weight is not a constant
// (C-33); here that is zero, so that the mistake shows.
void ZeroRuntimeWeights(Function* function) {
  const FunctionFacts facts(*function);
  std::vector<Operand*> runtime;
  for (Operation& operation : function->operations) {
    Operand* weight = operation.op == "conv" ? Find(operation, "weight") : nullptr;
    if (weight != nullptr && !facts.IsConstant(weight->values[0])) runtime.push_back(weight);
  }
  for (Operand* weight : runtime) Zero(function, weight);
}

// Products over a dimension that is no multiple of 32 give zeros on M1 (C-58).
void ZeroOddProducts(Function* function) {
  const FunctionFacts facts(*function);
  std::vector<Operand*> odd;
  for (Operation& operation : function->operations) {
    if (facts.IsOddProduct(operation)) odd.push_back(Find(operation, "x"));
  }
  for (Operand* x : odd) Zero(function, x);
}

// The first weight whose offset names no record of its file, which has some (C-90), or nullptr.
const engine::Value* FindMisplaced(const Function& function, const WeightFiles& files) {
  for (const engine::Value& value : function.values) {
    const auto file = value.blob == nullptr ? files.end() : files.find(value.blob->path);
    if (file != files.end() && engine::HasRecord(file->second, 64) &&
        !engine::HasRecord(file->second, value.blob->offset))
      return &value;
  }
  return nullptr;
}

std::vector<Symbol> Alphabetical(const Function& function, const std::vector<int>& ids) {
  std::vector<Symbol> symbols;
  for (size_t i = 0; i < ids.size(); ++i) {
    const engine::Value& value = function.values[size_t(ids[i])];
    symbols.push_back({value.name, value.type.dtype, value.type.shape, i,
                       size_t(engine::ElementCount(value.type.shape)) * SizeOf(value.type.dtype)});
  }
  std::stable_sort(symbols.begin(), symbols.end(),
                   [](const Symbol& a, const Symbol& b) { return a.name < b.name; });
  return symbols;
}

std::unique_ptr<Procedure> CompileFunction(Function function, const CompileOptions& options,
                                           const Settings& settings) {
  auto procedure = std::make_unique<Procedure>();
  procedure->name = function.name;
  procedure->has_tile =
      std::any_of(function.operations.begin(), function.operations.end(),
                  [](const Operation& operation) { return operation.op == "tile"; });
  procedure->cost = CostOf(function);
  if (Judge(settings, "C-20") != Verdict::kNone) DropMasks(&function);
  if (Judge(settings, "C-33") != Verdict::kNone) ZeroRuntimeWeights(&function);
  if (Judge(settings, "C-58") != Verdict::kNone) ZeroOddProducts(&function);
  engine::Analyse(&function, options);
  engine::Lowering(function, true, &procedure->plan).Run();
  procedure->inputs = Alphabetical(function, function.inputs);
  procedure->outputs = Alphabetical(function, function.outputs);
  return procedure;
}

}  // namespace

bool ParseText(std::string_view text, std::string* error) {
  try {
    engine::Parse(text);
    return true;
  } catch (const engine::CompileError& failed) {
    *error = Located(text, failed);
    return false;
  }
}

std::vector<std::string> WeightPaths(std::string_view text) {
  std::set<std::string> paths;
  for (const Function& function : engine::Parse(text)) {
    for (const engine::Value& value : function.values) {
      if (value.blob != nullptr) paths.insert(value.blob->path);
    }
  }
  return {paths.begin(), paths.end()};
}

std::shared_ptr<Program> CompileProgram(std::string_view text, const WeightFiles& weights,
                                        const Settings& settings, CompileFailure* failure) {
  CompileOptions options;
  auto program = std::make_shared<Program>();
  for (const auto& [path, bytes] : weights) {
    options.blobs[path] = bytes;
    program->weight_bytes += bytes.size();
  }
  // The compiler reads the payload a record points at and ignores the type and size the record
  // gives: hand-made files with wrong ones have run.
  options.lenient_blobs = true;
  try {
    for (Function& function : engine::Parse(text)) {
      const Refusal refusal = CheckFunction(function, text, settings);
      if (!refusal.rule.empty()) {
        *failure = {"InvalidMILProgram", refusal.rule, refusal.message};
        return nullptr;
      }
      const engine::Value* misplaced = FindMisplaced(function, weights);
      if (misplaced != nullptr && Judge(settings, "C-90") == Verdict::kRefuse) {
        const std::string why = misplaced->blob->path + ": " + FindRule("C-90")->symptom;
        *failure = {"InvalidMILProgram", "C-90", Located(text, {misplaced->offset, why})};
        return nullptr;
      }
      program->procedures.push_back(CompileFunction(std::move(function), options, settings));
    }
    return program;
  } catch (const engine::CompileError& error) {
    *failure = {"InvalidMILProgram", "", Located(text, error)};
  } catch (const std::bad_alloc&) {
    *failure = {"CompilationFailure", "",
                "Expected enough memory to compile the program, got none."};
  }
  return nullptr;
}

Status RunProcedure(const Procedure& procedure, const std::vector<const void*>& inputs,
                    const std::vector<void*>& outputs) {
  struct Engine {
    std::mutex mutex;
    ThreadPool pool{ThreadPool::AvailableCores()};
    size_t bytes = 0;
    void* scratch = nullptr;
  };
  static Engine* const hardware = new Engine;
  std::vector<const void*> declared_inputs(inputs.size());
  std::vector<void*> declared_outputs(outputs.size());
  for (size_t i = 0; i < inputs.size(); ++i)
    declared_inputs[procedure.inputs[i].position] = inputs[i];
  for (size_t i = 0; i < outputs.size(); ++i)
    declared_outputs[procedure.outputs[i].position] = outputs[i];
  const std::lock_guard lock(hardware->mutex);
  const size_t bytes = (procedure.plan.scratch_bytes() + 127) / 64 * 64;
  if (bytes > hardware->bytes) {
    std::free(hardware->scratch);
    hardware->scratch = std::aligned_alloc(64, bytes);
    hardware->bytes = hardware->scratch == nullptr ? 0 : bytes;
    if (hardware->scratch == nullptr)
      return {"OUT_OF_MEMORY", "Expected memory for intermediate values, got none."};
  }
  const char* message =
      procedure.plan.Run(declared_inputs, declared_outputs, hardware->scratch, hardware->pool);
  return message == nullptr ? Status() : Status("ANE_EVAL_FAILED", message);
}

}  // namespace ane::sim
