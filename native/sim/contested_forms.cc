// Rules on how the operations of a function stand together.
#include <algorithm>

#include "sim/rules.h"

namespace ane::sim {
namespace {

using engine::Function;
using engine::Operand;
using engine::Operation;
using engine::Shape;
using engine::Value;

class Forms {
 public:
  Forms(const Function& function, const FunctionFacts& facts, const Report& report)
      : function_(function), facts_(facts), report_(report) {}

  void Check() const {
    const bool two_of_rank_3 =
        function_.inputs.size() > 1 &&
        std::all_of(function_.inputs.begin(), function_.inputs.end(),
                    [&](int input) { return ShapeOf(input).size() == 3; });
    const bool normalises = Count("pow") + Count("rsqrt") > 0, convolves = Count("conv") > 0,
               attends = Count("matmul") > 1;
    for (const Operation& operation : function_.operations) {
      const std::string_view op = operation.op;
      const std::string what(op);
      if (operation.results.empty()) continue;
      const Shape& shape = ShapeOf(operation.results[0]);
      if (two_of_rank_3 && IsLayout(op)) report_("C-28", operation.offset, what);
      if (op == "slice_by_index" && normalises && convolves && IsInput(operation, "x"))
        report_("C-32", operation.offset, what);
      if (op == "conv" && shape.size() > 1 && shape[1] > 4096)
        report_("C-61", operation.offset, "conv to " + std::to_string(shape[1]) + " channels");
      if (op == "softmax" && attends && !shape.empty() && shape.back() > 256)
        report_("C-62", operation.offset, "softmax over " + std::to_string(shape.back()));
      if (op == "matmul" && IsInput(operation, "x") && IsInput(operation, "y") &&
          facts_.ValueOf(operation, "x") != facts_.ValueOf(operation, "y") &&
          facts_.ValueOf(operation, "x")->type.shape.size() != 3)
        report_("C-77", operation.offset, what);
      CheckRoots(operation);
    }
  }

 private:
  const Shape& ShapeOf(int value) const { return function_.values[size_t(value)].type.shape; }

  ptrdiff_t Count(std::string_view op) const {
    return std::count_if(function_.operations.begin(), function_.operations.end(),
                         [op](const Operation& operation) { return operation.op == op; });
  }

  bool IsInput(const Operation& operation, std::string_view name) const {
    const Operand* operand = facts_.Find(operation, name);
    return operand != nullptr && std::find(function_.inputs.begin(), function_.inputs.end(),
                                           operand->values[0]) != function_.inputs.end();
  }

  static bool IsLayout(std::string_view op) {
    return op.substr(0, 7) == "reduce_" || op.substr(0, 9) == "slice_by_" || op == "reshape" ||
           op == "transpose" || op == "concat" || op == "pad";
  }

  // A root that a division takes, or a product or sum that widens it (C-39).
  void CheckRoots(const Operation& user) const {
    const bool divides = user.op == "real_div";
    if (!divides && user.op != "mul" && user.op != "add" && user.op != "sub") return;
    for (const Operand& operand : user.operands) {
      for (const int value : operand.values) {
        const Operation* root = facts_.Producer(value);
        if (root == nullptr || root->op != "sqrt") continue;
        if (divides || ShapeOf(user.results[0]) != ShapeOf(value))
          report_("C-39", root->offset, "sqrt before " + std::string(user.op));
      }
    }
  }

  const Function& function_;
  const FunctionFacts& facts_;
  const Report& report_;
};

}  // namespace

void CheckContestedForms(const Function& function, const FunctionFacts& facts,
                         const Report& report) {
  Forms(function, facts, report).Check();
}

}  // namespace ane::sim
