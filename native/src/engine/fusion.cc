#include "engine/fusion.h"

#include <algorithm>

#include "engine/op_row.h"

namespace ane::engine {
namespace {

constexpr size_t kMaxGroup = 48;

struct Group {
  std::vector<int> operations;
  bool open = true;  // nothing outside has read one of its results yet
};

bool IsBlockType(Dtype dtype) {
  return dtype == Dtype::kFp16 || dtype == Dtype::kFp32 || dtype == Dtype::kBool;
}

class Grouping {
 public:
  explicit Grouping(const Function& function)
      : function_(function),
        group_of_value_(function.values.size(), -1),
        parent_(function.operations.size()),
        groups_(function.operations.size()) {}

  // An operation joins its operands' groups when they have its shape and nothing else has read from
  // them: everything between the group's first operation and this one is then independent of the
  // group, and the whole runs here.
  std::vector<std::vector<int>> Run() {
    for (size_t i = 0; i < function_.operations.size(); ++i) {
      const Operation& operation = function_.operations[i];
      const int self = int(i);
      parent_[i] = self;
      groups_[i].operations = {self};
      groups_[i].open = IsFusable(function_, operation);
      for (const Operand& operand : operation.operands) {
        for (int value : operand.values) Read(value, self);
      }
      for (int result : operation.results) group_of_value_[size_t(result)] = self;
    }
    return Ordered();
  }

 private:
  int Find(int group) {
    while (parent_[size_t(group)] != group) {
      parent_[size_t(group)] = parent_[size_t(parent_[size_t(group)])];
      group = parent_[size_t(group)];
    }
    return group;
  }

  void Read(int value, int self) {
    if (group_of_value_[size_t(value)] < 0) return;
    const int theirs = Find(group_of_value_[size_t(value)]), ours = Find(self);
    if (theirs == ours) return;
    Group& from = groups_[size_t(theirs)];
    Group& to = groups_[size_t(ours)];
    const Shape& shape =
        function_.values[size_t(function_.operations[size_t(self)].results[0])].type.shape;
    const bool join = to.open && from.open && function_.values[size_t(value)].type.shape == shape &&
                      from.operations.size() + to.operations.size() <= kMaxGroup;
    if (!join) {
      from.open = false;
      return;
    }
    parent_[size_t(theirs)] = ours;
    to.operations.insert(to.operations.end(), from.operations.begin(), from.operations.end());
    from.operations.clear();
  }

  std::vector<std::vector<int>> Ordered() {
    std::vector<std::vector<int>> ordered;
    for (Group& group : groups_) {
      if (group.operations.empty()) continue;
      std::sort(group.operations.begin(), group.operations.end());
      ordered.push_back(std::move(group.operations));
    }
    std::sort(ordered.begin(), ordered.end(),
              [](const auto& a, const auto& b) { return a.back() < b.back(); });
    return ordered;
  }

  const Function& function_;
  std::vector<int> group_of_value_;
  std::vector<int> parent_;
  std::vector<Group> groups_;
};

}  // namespace

bool IsFusable(const Function& function, const Operation& operation) {
  if (operation.row == nullptr || operation.row->elementwise == Elementwise::kNone) return false;
  const OpCall call(function, operation);
  for (std::string_view name : ElementwiseOperands(operation.row->elementwise)) {
    if (!IsBlockType(call.Type(name).dtype)) return false;
  }
  return IsBlockType(call.TypeOf(call.Result()).dtype);
}

std::vector<std::vector<int>> GroupElementwise(const Function& function) {
  return Grouping(function).Run();
}

}  // namespace ane::engine
