#include "engine/reducing_match.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "engine/fusion.h"
#include "engine/op_call.h"
#include "engine/scalar.h"

namespace ane::engine {
namespace {

constexpr size_t kMaxOperations = 64;
constexpr int64_t kLeastColumns = 8;  // side by side: fewer are not reduced as columns one by one

constexpr std::pair<std::string_view, ReduceKind> kKinds[] = {{"reduce_sum", ReduceKind::kSum},
                                                              {"reduce_mean", ReduceKind::kMean},
                                                              {"reduce_max", ReduceKind::kMax},
                                                              {"reduce_min", ReduceKind::kMin}};

class Matcher {
 public:
  Matcher(const Function& function, const std::vector<std::vector<int>>& units)
      : function_(function),
        producers_(Producers(function)),
        readers_(function.values.size()),
        unit_of_(function.operations.size(), kAlone),
        reached_(function.operations.size(), false) {
    for (size_t i = 0; i < function.operations.size(); ++i) {
      for (const Operand& operand : function.operations[i].operands) {
        for (int value : operand.values) readers_[size_t(value)].push_back(int(i));
      }
    }
    for (const std::vector<int>& unit : units) AddUnit(unit);
  }

  std::vector<ReducingMatch> Run() {
    std::vector<ReducingMatch> found;
    for (size_t i = 0; i < function_.operations.size(); ++i) {
      const std::optional<size_t> axis = unit_of_[i] == kAlone ? ReducedAxis(int(i)) : std::nullopt;
      if (!axis) continue;
      ReducingMatch match{{int(i)}, Type(OpCall(function_, At(int(i))).Id("x")).shape, *axis};
      unit_of_[i] = int(units_.size());
      while (Grow(&match)) {
      }
      unit_of_[i] = kAlone;
      if (match.operations.size() == 1) continue;
      AddUnit(match.operations);
      found.push_back(std::move(match));
    }
    return found;
  }

 private:
  static constexpr int kAlone = -1;

  const Operation& At(int i) const { return function_.operations[size_t(i)]; }
  const TensorType& Type(int value) const { return function_.values[size_t(value)].type; }
  int Result(int i) const { return At(i).results[0]; }

  void AddUnit(const std::vector<int>& unit) {
    for (int i : unit) unit_of_[size_t(i)] = int(units_.size());
    units_.push_back(unit);
  }

  // The axis of a reduction that keeps it, over columns of floating-point numbers.
  std::optional<size_t> ReducedAxis(int i) const {
    if (!ColumnReduction(At(i))) return std::nullopt;
    const OpCall call(function_, At(i));
    const TensorType& x = call.Type("x");
    if (!IsFloat(x.dtype) || !call.Bool("keep_dims", false) || !call.Has("axes"))
      return std::nullopt;
    const std::vector<int64_t> axes = call.Ints("axes");
    if (axes.size() != 1) return std::nullopt;
    const auto axis = size_t(call.Axis(axes[0], x.shape.size(), "axes"));
    int64_t columns = 1;
    for (size_t d = axis + 1; d < x.shape.size(); ++d) columns *= x.shape[d];
    if (x.shape[axis] < 2 || columns < kLeastColumns) return std::nullopt;
    return axis;
  }

  bool Fits(int i, const ReducingMatch& match) const {
    if (const std::optional<size_t> axis = ReducedAxis(i))
      return *axis == match.axis && Type(OpCall(function_, At(i)).Id("x")).shape == match.shape;
    if (!IsFusable(function_, At(i))) return false;
    Shape reduced = match.shape;
    reduced[match.axis] = 1;
    const Shape& shape = Type(Result(i)).shape;
    return shape == match.shape || shape == reduced;
  }

  // Adds operations that read results of the match or make what it reads; false when there are
  // none.
  bool Grow(ReducingMatch* match) {
    std::set<int> near;
    for (int i : match->operations) {
      for (const Operand& operand : At(i).operands) {
        for (int value : operand.values) near.insert(producers_[size_t(value)]);
      }
      for (int reader : readers_[size_t(Result(i))]) near.insert(reader);
    }
    bool grown = false;
    for (int i : near) {
      if (i < 0 || unit_of_[size_t(i)] != kAlone) continue;
      if (match->operations.size() == kMaxOperations) break;
      if (!Fits(i, *match)) continue;
      std::vector<int> more = match->operations;
      more.insert(std::upper_bound(more.begin(), more.end(), i), i);
      unit_of_[size_t(i)] = int(units_.size());
      if (WaitsForItself(more)) {
        unit_of_[size_t(i)] = kAlone;
        continue;
      }
      match->operations = std::move(more);
      grown = true;
    }
    if (!grown) {
      for (int i : match->operations) unit_of_[size_t(i)] = kAlone;
    }
    return grown;
  }

  // Whether operations outside that read from the match are read by it, where units run as one. All
  // others lie between the first and the last of the match.
  bool WaitsForItself(const std::vector<int>& match) {
    const int own = int(units_.size()), first = match.front(), last = match.back();
    std::vector<int> touched;
    const auto reach = [&](int i) {
      if (reached_[size_t(i)]) return false;
      reached_[size_t(i)] = true;
      touched.push_back(i);
      return true;
    };
    bool waits = false;
    for (bool more = true; more && !waits;) {
      more = false;
      for (int i = first; i <= last && !waits; ++i) {
        const int unit = unit_of_[size_t(i)];
        bool reads_match = false, reads_reached = false;
        for (const Operand& operand : At(i).operands) {
          for (int value : operand.values) {
            const int producer = producers_[size_t(value)];
            if (producer < 0) continue;
            reads_match = reads_match || unit_of_[size_t(producer)] == own;
            reads_reached = reads_reached || reached_[size_t(producer)];
          }
        }
        if (unit == own) {
          waits = reads_reached;
        } else if ((reads_match || reads_reached) && reach(i)) {
          if (unit == kAlone) continue;
          more = true;
          for (int member : units_[size_t(unit)]) reach(member);
        }
      }
    }
    for (int i : touched) reached_[size_t(i)] = false;
    return waits;
  }

  const Function& function_;
  const std::vector<int> producers_;
  std::vector<std::vector<int>> readers_;
  std::vector<std::vector<int>> units_;
  std::vector<int> unit_of_;  // by operation; that of the match that grows is the next
  std::vector<bool> reached_;
};

}  // namespace

std::optional<ReduceKind> ColumnReduction(const Operation& operation) {
  const auto* found = std::find_if(std::begin(kKinds), std::end(kKinds),
                                   [&](const auto& kind) { return kind.first == operation.op; });
  return found == std::end(kKinds) ? std::nullopt : std::optional(found->second);
}

std::vector<ReducingMatch> MatchReducing(const Function& function,
                                         const std::vector<std::vector<int>>& units) {
  return Matcher(function, units).Run();
}

}  // namespace ane::engine
