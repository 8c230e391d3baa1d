// From checked operations to a plan: where every value lies, and which nodes run.
#pragma once

#include <optional>
#include <vector>

#include "engine/groups.h"
#include "engine/ir.h"
#include "engine/op_row.h"
#include "engine/plan.h"

namespace ane::engine {

// Places values in two passes. Backward, a value that is an output of the function or a piece of a
// concat is told to lie there, through any chain of reshapes and transposes, so that its producer
// writes it in place. Forward, windows become views, and a copy is emitted only where no view can
// express one.
class Lowering {
 public:
  Lowering(const Function& function, bool exact, Plan* plan);

  void Run();

  // For rows' `lower`.
  bool exact() const { return exact_; }
  const View& In(int value);
  const View& Out(int value);
  // The value when it is a constant, else nullptr.
  const std::shared_ptr<const Literal>& LiteralOf(int value) const {
    return function_.values[size_t(value)].literal;
  }
  View Temp(Dtype dtype, const Shape& shape);
  void Emit(const std::vector<View>& views, NodeBody run);
  void EmitCopy(const View& from, const View& to);
  void AddFlops(int64_t flops) { plan_->AddFlops(flops); }

 private:
  void ChooseDestinations();
  void ProposeForView(const Operation& operation);
  void ProposeForPieces(const Operation& operation);
  void Propose(int value, std::optional<View> destination);
  void LowerGroup(const std::vector<int>& group);
  void LowerOperation(const Operation& operation);
  void LowerView(const Operation& operation);
  void LowerPieces(const Operation& operation);

  const Function& function_;
  const bool exact_;
  Plan* plan_;
  Groups groups_;
  std::vector<std::optional<View>> places_;        // where a value lies, once known
  std::vector<std::optional<View>> destinations_;  // where it should be written
  std::vector<const Operation*> producers_;
  int subject_ = -1;  // the value that scratch is for at the moment
};

// The first operand of a row's `view`.
inline int ViewedOperand(const OpCall& call) { return call.Id(call.Has("x") ? "x" : "input"); }

}  // namespace ane::engine
