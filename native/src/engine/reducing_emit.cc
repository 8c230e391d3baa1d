#include "engine/reducing_emit.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "engine/reducing_loop.h"
#include "engine/scalar_loop.h"

namespace ane::engine {
namespace {

// Every operation belongs to the first pass in which all it reads is known; what is reduced in a
// pass is known to the next. A later pass that needs a value of the whole shape reads it where it
// was stored, or computes it again.
class Emitter {
 public:
  Emitter(Lowering& lowering, const Function& function, const Groups& groups,
          const ReducingMatch& match)
      : lowering_(lowering), function_(function), groups_(groups), match_(match) {
    for (int i : match.operations) {
      const Operation& operation = function.operations[size_t(i)];
      makers_[operation.results[0]] = &operation;
      int pass = ColumnReduction(operation) ? 1 : 0;
      for (const Operand& operand : operation.operands) {
        for (int value : operand.values) {
          if (const auto found = pass_of_.find(value); found != pass_of_.end())
            pass = std::max(pass, found->second + (ColumnReduction(operation) ? 1 : 0));
        }
      }
      pass_of_[operation.results[0]] = pass;
      passes_ = std::max(passes_, pass + 1);
    }
  }

  bool Run() {
    ReducingLoop loop(match_.shape, match_.axis, passes_);
    loop_ = &loop;
    for (int i : match_.operations) Add(function_.operations[size_t(i)]);
    if (!loop.Finish()) return false;
    const std::vector<View> views = loop.views();
    lowering_.Emit(views, [loop = std::move(loop)](const RunContext& context) {
      return loop.Run(context);
    });
    return true;
  }

 private:
  const TensorType& Type(int value) const { return function_.values[size_t(value)].type; }
  bool IsMade(int value) const { return makers_.count(value) != 0; }

  void Add(const Operation& operation) {
    const int result = operation.results[0], pass = pass_of_.at(result);
    if (const std::optional<ReduceKind> kind = ColumnReduction(operation)) {
      const int x = OpCall(function_, operation).Id("x");
      numbers_[result] = loop_->Reduce(pass - 1, Walked(x, pass - 1, operation, "x"), *kind,
                                       Type(result).dtype);
    } else if (IsNumber(result)) {
      const OpCall call(function_, operation);
      std::vector<int> operands;
      for (std::string_view name : ElementwiseOperands(operation.row->elementwise))
        operands.push_back(Number(call.Id(name), operation, name));
      numbers_[result] = loop_->ApplyNumber(
          pass, ReadElementwise(operation.row->elementwise, call), operands, Type(result).dtype);
    } else if (groups_.IsStored(result)) {
      loop_->Store(pass, Applied(result, pass), lowering_.Out(result));
      return;
    }
    if (IsNumber(result) && groups_.IsStored(result))
      loop_->StoreNumber(pass, numbers_.at(result), lowering_.Out(result));
  }

  // Whether there is at most one of a value in every column.
  bool IsNumber(int value) const {
    const Shape& shape = Type(value).shape;
    const size_t behind = match_.shape.size() - match_.axis;
    return shape.size() < behind || shape[shape.size() - behind] == 1;
  }

  View Place(int value, const Operation& operation, std::string_view name) {
    return ChannelOperand(OpCall(function_, operation), name, lowering_.In(value));
  }

  int Number(int value, const Operation& operation, std::string_view name) {
    if (const auto found = numbers_.find(value); found != numbers_.end()) return found->second;
    const std::shared_ptr<const Literal>& literal = lowering_.LiteralOf(value);
    const int number = literal != nullptr && ElementCount(Type(value).shape) == 1
                           ? loop_->SplatNumber(0, float(NumbersOf(*literal)[0]))
                           : loop_->LoadNumber(0, Place(value, operation, name));
    numbers_[value] = number;
    return number;
  }

  // A value as an operand in the walk of a pass.
  int Walked(int value, int pass, const Operation& operation, std::string_view name) {
    const auto found = walked_.find({pass, value});
    if (found != walked_.end()) return found->second;
    int walked;
    if (!IsMade(value) && !IsNumber(value)) {
      walked = loop_->Load(pass, Place(value, operation, name));
    } else if (IsNumber(value)) {
      walked = loop_->Hold(pass, Number(value, operation, name));
    } else if (groups_.IsStored(value) && pass_of_.at(value) < pass) {
      walked = loop_->Load(pass, lowering_.Out(value));
    } else {
      return Applied(value, pass);
    }
    walked_[{pass, value}] = walked;
    return walked;
  }

  int Applied(int value, int pass) {
    const auto found = walked_.find({pass, value});
    if (found != walked_.end()) return found->second;
    const Operation& operation = *makers_.at(value);
    const OpCall call(function_, operation);
    std::vector<int> operands;
    for (std::string_view name : ElementwiseOperands(operation.row->elementwise))
      operands.push_back(Walked(call.Id(name), pass, operation, name));
    const int applied = loop_->Walk(pass).Apply(
        ReadElementwise(operation.row->elementwise, call), operands, Type(value).dtype);
    walked_[{pass, value}] = applied;
    return applied;
  }

  Lowering& lowering_;
  const Function& function_;
  const Groups& groups_;
  const ReducingMatch& match_;
  ReducingLoop* loop_ = nullptr;
  int passes_ = 1;
  std::unordered_map<int, const Operation*> makers_;
  std::unordered_map<int, int> pass_of_, numbers_;
  std::map<std::pair<int, int>, int> walked_;  // pass and value to a value of the walk
};

}  // namespace

bool EmitReducing(Lowering& lowering, const Function& function, const Groups& groups,
                  const ReducingMatch& match) {
  return Emitter(lowering, function, groups, match).Run();
}

}  // namespace ane::engine
