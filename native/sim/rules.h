// The documented limits of the compiler and of evaluation, as rows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/ir.h"
#include "sim/state.h"

namespace ane::sim {

// One limit. Chips are sets of families, bit 0 for M1 and so on.
struct Rule {
  const char* id;   // as in ane-constraints.md
  uint8_t refused;  // families where it was seen and nobody contradicts
  uint8_t warned;   // families where reports contradict each other, or only one project saw it
  const char* symptom;
};

enum class Verdict { kNone, kWarn, kRefuse };
// What breaking a rule means under these settings.
Verdict Judge(const Settings& settings, const char* id);
const Rule* FindRule(const char* id);

// A refusal by the compiler; nothing was refused when `rule` is empty.
struct Refusal {
  std::string rule;
  std::string message;  // with line and column
};

// Checks a function as written. Warnings are recorded as findings.
Refusal CheckFunction(const engine::Function& function, std::string_view text,
                      const Settings& settings);

// Positions of the matrix products over a dimension that is no multiple of 32 (C-58).
std::vector<int> OddProducts(const engine::Function& function);

// Which values are known at compile time.
std::vector<bool> ConstantValues(const engine::Function& function);

}  // namespace ane::sim
