// A compiled program: the CPU engine's plan with the Neural Engine's deviations, its constants
// baked in.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/executable.h"
#include "engine/plan.h"
#include "sim/cost_model.h"
#include "sim/state.h"

namespace ane::sim {

// An input or output in the order surfaces are bound.
struct Symbol {
  std::string name;
  Dtype dtype;
  engine::Shape shape;
  size_t position;  // in the order of the text
  size_t bytes;
};

struct Procedure {
  std::string name;
  std::vector<Symbol> inputs, outputs;  // by name, alphabetically (C-72, C-73)
  engine::Plan plan;
  Cost cost;
  bool has_tile = false;
};

struct Program {
  std::string hex;
  std::vector<std::unique_ptr<Procedure>> procedures;  // in the order of the text
  size_t weight_bytes = 0;
  int64_t loads = 0;  // models that hold it loaded; guarded by the model table's lock
};

// The framework's own words and the reason behind them, which the real one keeps to itself.
struct CompileFailure {
  std::string kind;  // InvalidMILProgram or CompilationFailure
  std::string rule;  // a limit's id, or empty
  std::string message;
};

using WeightFiles = std::map<std::string, std::vector<uint8_t>>;  // by the path the text names

// Nothing when the text does not parse; then `error` says where.
bool ParseText(std::string_view text, std::string* error);
// Paths of the weight files that the text names.
std::vector<std::string> WeightPaths(std::string_view text);

std::shared_ptr<Program> CompileProgram(std::string_view text, const WeightFiles& weights,
                                        const Settings& settings, CompileFailure* failure);

// Runs a procedure on the process's one simulated engine; memory is dense, in the order of its
// symbols. Calls from several threads take turns.
Status RunProcedure(const Procedure& procedure, const std::vector<const void*>& inputs,
                    const std::vector<void*>& outputs);

}  // namespace ane::sim
