// One operation while it is being checked or lowered: operands by name, constants read and checked.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/ir.h"

namespace ane::engine {

class OpCall {
 public:
  OpCall(const Function& function, const Operation& operation)
      : function_(function), operation_(operation) {}

  const Operation& operation() const { return operation_; }
  bool Has(std::string_view name) const { return Find(name) != nullptr; }
  // The value id of an operand, or of all items of a variadic one.
  int Id(std::string_view name) const;
  const std::vector<int>& Ids(std::string_view name) const;
  const TensorType& Type(std::string_view name) const { return TypeOf(Id(name)); }
  const TensorType& TypeOf(int id) const { return function_.values[size_t(id)].type; }
  const Shape& ShapeOf(std::string_view name) const { return Type(name).shape; }
  int Result(size_t i = 0) const { return operation_.results[i]; }

  // Constants. All throw CompileError when the operand is not known at compile time or has another
  // type.
  const Literal* ConstantOrNull(std::string_view name) const;
  const Literal& Constant(std::string_view name) const;
  std::vector<double> Numbers(std::string_view name) const;
  std::vector<int64_t> Ints(std::string_view name) const;
  std::vector<int64_t> Ints(std::string_view name, std::vector<int64_t> otherwise) const;
  std::vector<int64_t> Flags(std::string_view name, size_t count) const;  // missing: all 0
  double Number(std::string_view name) const;
  double Number(std::string_view name, double otherwise) const {
    return Has(name) ? Number(name) : otherwise;
  }
  int64_t Int(std::string_view name) const;
  int64_t Int(std::string_view name, int64_t otherwise) const {
    return Has(name) ? Int(name) : otherwise;
  }
  bool Bool(std::string_view name, bool otherwise) const {
    return Has(name) ? Number(name) != 0 : otherwise;
  }
  std::string Text(std::string_view name, std::string otherwise) const;

  // An axis of a tensor of `rank` dimensions, negative ones counted from the end.
  int Axis(int64_t axis, size_t rank, std::string_view name) const;

  [[noreturn]] void Fail(std::string_view operand, const std::string& message) const;
  // Throws unless the condition holds: "Expected <what> for <operand>, got <got>."
  void Check(bool condition, std::string_view operand, const std::string& what,
             const std::string& got) const;

 private:
  const Operand* Find(std::string_view name) const;

  const Function& function_;
  const Operation& operation_;
};

// The numbers of a constant.
std::vector<double> NumbersOf(const Literal& literal);

}  // namespace ane::engine
