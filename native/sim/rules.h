// The documented limits of the compiler and of evaluation, as rows.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/ir.h"
#include "sim/function_facts.h"
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

// The rule that an operation breaks by being there, or nullptr.
const char* RuleOfOperation(std::string_view op);

// A refusal by the compiler; nothing was refused when `rule` is empty.
struct Refusal {
  std::string rule;
  std::string message;  // with line and column
};

// Called for each rule that a function breaks: its id, a place in the text and what is there.
using Report = std::function<void(const char* id, size_t offset, const std::string& what)>;

// Rules on how operations stand together, which only some reports know.
void CheckContestedForms(const engine::Function& function, const FunctionFacts& facts,
                         const Report& report);

// Checks a function as written. Warnings are recorded as findings.
Refusal CheckFunction(const engine::Function& function, std::string_view text,
                      const Settings& settings);

}  // namespace ane::sim
