#include "sim/function_facts.h"

#include <algorithm>

#include "engine/op_call.h"

namespace ane::sim {

using engine::Function;
using engine::Operand;
using engine::Operation;
using engine::Value;

FunctionFacts::FunctionFacts(const Function& function)
    : function_(function), constant_(function.values.size(), false) {
  for (size_t i = 0; i < constant_.size(); ++i)
    constant_[i] = function.values[i].literal != nullptr || function.values[i].blob != nullptr;
  for (const Operation& operation : function.operations) {
    for (int result : operation.results) producer_[result] = &operation;
    const bool known =
        operation.op == "const" ||
        std::all_of(operation.operands.begin(), operation.operands.end(),
                    [&](const Operand& operand) { return AreConstant(operand.values); });
    if (!known) continue;
    for (int result : operation.results) constant_[size_t(result)] = true;
  }
}

bool FunctionFacts::AreConstant(const std::vector<int>& values) const {
  return std::all_of(values.begin(), values.end(), [&](int value) { return IsConstant(value); });
}

bool FunctionFacts::IsConstant(const Operation& operation, std::string_view name) const {
  const Operand* operand = Find(operation, name);
  return operand == nullptr || IsConstant(operand->values[0]);
}

const Operation* FunctionFacts::Producer(int value) const {
  const auto found = producer_.find(value);
  return found == producer_.end() ? nullptr : found->second;
}

const Operand* FunctionFacts::Find(const Operation& operation, std::string_view name) const {
  for (const Operand& operand : operation.operands) {
    if (operand.name == name && !operand.values.empty()) return &operand;
  }
  return nullptr;
}

const Value* FunctionFacts::ValueOf(const Operation& operation, std::string_view name) const {
  const Operand* operand = Find(operation, name);
  return operand == nullptr ? nullptr : &function_.values[size_t(operand->values[0])];
}

std::vector<double> FunctionFacts::NumbersOf(const Operation& operation,
                                             std::string_view name) const {
  const Operand* operand = Find(operation, name);
  if (operand == nullptr) return {};
  int id = operand->values[0];
  if (const Operation* producer = Producer(id)) {
    const Operand* val = producer->op == "const" ? Find(*producer, "val") : nullptr;
    if (val == nullptr) return {};
    id = val->values[0];
  }
  const auto& literal = function_.values[size_t(id)].literal;
  if (literal == nullptr || literal->type.dtype == Dtype::kString) return {};
  return engine::NumbersOf(*literal);
}

bool FunctionFacts::IsOddProduct(const Operation& operation) const {
  const Value* x = ValueOf(operation, "x");
  if (operation.op != "matmul" || x == nullptr || x->type.shape.size() < 2) return false;
  const std::vector<double> flag = NumbersOf(operation, "transpose_x");
  const bool transposed = !flag.empty() && flag[0] != 0;
  return x->type.shape.end()[transposed ? -2 : -1] % 32 != 0;
}

}  // namespace ane::sim
