#include "engine/fusion.h"

#include <algorithm>
#include <queue>
#include <set>

#include "engine/op_row.h"

namespace ane::engine {
namespace {

constexpr size_t kMaxGroup = 48;
constexpr size_t kMaxTogether = 16;  // of groups that only read the same: few numbers live at once

struct Group {
  std::vector<int> operations;
  bool open = true;  // nothing outside has read one of its results yet
  bool loop = true;  // element-wise
};

bool IsBlockType(Dtype dtype) {
  return dtype == Dtype::kFp16 || dtype == Dtype::kFp32 || dtype == Dtype::kBool;
}

class Grouping {
 public:
  Grouping(const Function& function, const std::vector<std::vector<int>>& units)
      : function_(function),
        group_of_value_(function.values.size(), -1),
        parent_(function.operations.size()),
        groups_(function.operations.size()) {
    for (size_t i = 0; i < parent_.size(); ++i) {
      parent_[i] = int(i);
      groups_[i].operations = {int(i)};
      groups_[i].open = groups_[i].loop = IsFusable(function_, function_.operations[i]);
    }
    for (const std::vector<int>& unit : units) {
      for (int i : unit) {
        parent_[size_t(i)] = unit[0];
        groups_[size_t(i)] = {{}, false, false};
      }
      groups_[size_t(unit[0])].operations = unit;
    }
  }

  // An operation joins its operands' groups when they have its shape and nothing else has read from
  // them: everything between the group's first operation and this one is then independent of the
  // group, and the whole runs here.
  std::optional<std::vector<std::vector<int>>> Run() {
    for (size_t i = 0; i < function_.operations.size(); ++i) {
      const Operation& operation = function_.operations[i];
      const int self = int(i);
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

  const Shape& ShapeOf(int operation) const {
    const int result = function_.operations[size_t(operation)].results[0];
    return function_.values[size_t(result)].type.shape;
  }

  std::set<int> ReadBy(const std::vector<int>& operations) const {
    std::set<int> values;
    for (int i : operations) {
      for (const Operand& operand : function_.operations[size_t(i)].operands)
        values.insert(operand.values.begin(), operand.values.end());
    }
    return values;
  }

  // Whether a loop that runs right after another one of its shape would read the same memory again.
  bool ReadTogether(const std::vector<int>& before, const std::vector<int>& after) const {
    if (before.size() + after.size() > kMaxTogether || ShapeOf(before[0]) != ShapeOf(after[0]))
      return false;
    const std::set<int> theirs = ReadBy(before);
    for (int value : ReadBy(after)) {
      if (theirs.count(value) != 0 && function_.values[size_t(value)].type.shape == ShapeOf(after[0]))
        return true;
    }
    return false;
  }

  // Of the groups whose operands are there, the one that ends first runs next.
  std::optional<std::vector<std::vector<int>>> Ordered() {
    std::vector<std::vector<int>> readers(groups_.size());
    std::vector<int> missing(groups_.size(), 0);
    for (size_t i = 0; i < parent_.size(); ++i) {
      const int self = Find(int(i));
      for (const Operand& operand : function_.operations[i].operands) {
        for (int value : operand.values) {
          const int made = group_of_value_[size_t(value)];
          if (made < 0 || Find(made) == self) continue;
          readers[size_t(Find(made))].push_back(self);
          ++missing[size_t(self)];
        }
      }
    }
    std::priority_queue<std::pair<int, int>> ready;  // last operation, negated; group
    size_t left = 0;
    const auto add = [&](int group) {
      ready.push({-groups_[size_t(group)].operations.back(), group});
    };
    for (size_t g = 0; g < groups_.size(); ++g) {
      if (groups_[g].operations.empty()) continue;
      std::sort(groups_[g].operations.begin(), groups_[g].operations.end());
      ++left;
      if (missing[g] == 0) add(int(g));
    }
    std::vector<std::vector<int>> ordered;
    bool loop = false;  // the last of them
    while (!ready.empty()) {
      const int group = ready.top().second;
      ready.pop();
      --left;
      std::vector<int>& operations = groups_[size_t(group)].operations;
      const bool together =
          loop && groups_[size_t(group)].loop && ReadTogether(ordered.back(), operations);
      loop = groups_[size_t(group)].loop;
      if (together) {
        std::vector<int>& last = ordered.back();
        last.insert(last.end(), operations.begin(), operations.end());
        std::sort(last.begin(), last.end());
      } else {
        ordered.push_back(std::move(operations));
      }
      for (int reader : readers[size_t(group)]) {
        if (--missing[size_t(reader)] == 0) add(reader);
      }
    }
    return left == 0 ? std::optional(std::move(ordered)) : std::nullopt;
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

std::optional<std::vector<std::vector<int>>> GroupOperations(
    const Function& function, const std::vector<std::vector<int>>& units) {
  return Grouping(function, units).Run();
}

}  // namespace ane::engine
