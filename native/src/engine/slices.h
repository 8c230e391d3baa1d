// Shape rules and windows of the slicing operations.
#pragma once

#include <optional>
#include <vector>

#include "engine/lowering.h"

namespace ane::engine {

std::vector<TensorType> InferSliceByIndex(const OpCall& call);
std::optional<View> ViewSliceByIndex(const OpCall& call, const View& x, size_t result);
// The region that begin, end, stride and masks of a call select from a view; squeezed axes are kept
// with size 1.
View SelectedRegion(const OpCall& call, const View& x);

std::vector<TensorType> InferSliceBySize(const OpCall& call);
std::optional<View> ViewSliceBySize(const OpCall& call, const View& x, size_t result);
// A begin known only when the program runs.
void LowerSliceBySize(const OpCall& call, Lowering& lowering);

std::vector<TensorType> InferSplit(const OpCall& call);
std::optional<View> ViewSplit(const OpCall& call, const View& x, size_t result);

}  // namespace ane::engine
