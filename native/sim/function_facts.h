// Questions about a function that the rules and the simulator's deviations ask.
#pragma once

#include <map>
#include <string_view>
#include <vector>

#include "engine/ir.h"

namespace ane::sim {

class FunctionFacts {
 public:
  explicit FunctionFacts(const engine::Function& function);

  // Known at compile time.
  bool IsConstant(int value) const { return constant_[size_t(value)]; }
  bool IsConstant(const engine::Operation& operation, std::string_view operand) const;
  bool AreConstant(const std::vector<int>& values) const;
  // The operation a value is the result of, or nullptr.
  const engine::Operation* Producer(int value) const;

  // nullptr when the operation has no such operand.
  const engine::Operand* Find(const engine::Operation& operation, std::string_view name) const;
  const engine::Value* ValueOf(const engine::Operation& operation, std::string_view name) const;
  // The numbers of a constant operand that is written in the text; empty otherwise.
  std::vector<double> NumbersOf(const engine::Operation& operation, std::string_view name) const;
  // A matrix product over a dimension that is no multiple of 32 (C-58).
  bool IsOddProduct(const engine::Operation& operation) const;

 private:
  const engine::Function& function_;
  std::vector<bool> constant_;
  std::map<int, const engine::Operation*> producer_;
};

}  // namespace ane::sim
