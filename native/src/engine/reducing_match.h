// Finds reductions along a column and the element-wise operations around them, by structure.
#pragma once

#include <optional>
#include <vector>

#include "engine/ir.h"
#include "engine/reduction.h"

namespace ane::engine {

// Operations whose results have one shape, or that shape with size 1 along the axis that its
// reductions reduce. Nothing they read is computed from their results by other operations.
struct ReducingMatch {
  std::vector<int> operations;  // ascending
  Shape shape;
  size_t axis;
};

// Matches that share no operation with each other or with `units`, which are to run as one each.
std::vector<ReducingMatch> MatchReducing(const Function& function,
                                         const std::vector<std::vector<int>>& units);

// What an operation of a match reduces with; nothing for the element-wise ones.
std::optional<ReduceKind> ColumnReduction(const Operation& operation);

}  // namespace ane::engine
