#include "engine/fusion.h"

#include <algorithm>
#include <queue>

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
  Grouping(const Function& function, const std::vector<std::vector<int>>& units)
      : function_(function),
        group_of_value_(function.values.size(), -1),
        parent_(function.operations.size()),
        groups_(function.operations.size()) {
    for (size_t i = 0; i < parent_.size(); ++i) {
      parent_[i] = int(i);
      groups_[i].operations = {int(i)};
      groups_[i].open = IsFusable(function_, function_.operations[i]);
    }
    for (const std::vector<int>& unit : units) {
      for (int i : unit) {
        parent_[size_t(i)] = unit[0];
        groups_[size_t(i)] = {{}, false};
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
    while (!ready.empty()) {
      const int group = ready.top().second;
      ready.pop();
      ordered.push_back(std::move(groups_[size_t(group)].operations));
      for (int reader : readers[size_t(group)]) {
        if (--missing[size_t(reader)] == 0) add(reader);
      }
    }
    return ordered.size() == left ? std::optional(std::move(ordered)) : std::nullopt;
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
