// Rows of operations whose results are windows into their operand.
#include <algorithm>
#include <functional>

#include "engine/copy.h"
#include "engine/lowering.h"
#include "engine/op_row.h"
#include "engine/scalar.h"
#include "engine/slices.h"

namespace ane::engine {
namespace {

using Types = std::vector<TensorType>;
using Place = std::optional<View>;

Types WithShape(const TensorType& type, Shape shape) {
  return {{type.dtype, type.bits, std::move(shape)}};
}

Types Identity(const OpCall& call) { return {call.TypeOf(ViewedOperand(call))}; }

Types Reshape(const OpCall& call) {
  const Shape& x = call.ShapeOf("x");
  Shape shape = call.Ints("shape");
  int64_t known = 1;
  size_t free = shape.size();
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0 && shape.size() == x.size()) shape[i] = x[i];
    if (shape[i] == -1 && free == shape.size()) {
      free = i;
    } else {
      call.Check(shape[i] >= 0, "shape", "dimensions with at most one -1", ShapeText(shape));
      known *= shape[i];
    }
  }
  const int64_t count = ElementCount(x);
  if (free < shape.size() && known > 0) shape[free] = count / known;
  call.Check(shape.size() <= size_t(kMaxRank) && ElementCount(shape) == count &&
                 std::none_of(shape.begin(), shape.end(), [](int64_t d) { return d < 0; }),
             "shape", std::to_string(count) + " elements", ShapeText(shape));
  return WithShape(call.Type("x"), shape);
}

Types ExpandDims(const OpCall& call) {
  Shape shape = call.ShapeOf("x");
  std::vector<int> axes;
  const std::vector<int64_t> written = call.Ints("axes");
  const size_t rank = shape.size() + written.size();
  call.Check(rank <= size_t(kMaxRank), "axes", "at most 8 dimensions", std::to_string(rank));
  for (int64_t axis : written) axes.push_back(call.Axis(axis, rank, "axes"));
  std::sort(axes.begin(), axes.end());
  call.Check(std::adjacent_find(axes.begin(), axes.end()) == axes.end(), "axes", "different axes",
             "one twice");
  for (int axis : axes) shape.insert(shape.begin() + axis, 1);
  return WithShape(call.Type("x"), shape);
}

Types Squeeze(const OpCall& call) {
  const Shape& x = call.ShapeOf("x");
  std::vector<bool> drop(x.size(), false);
  if (call.Has("axes")) {
    for (int64_t axis : call.Ints("axes")) {
      const int i = call.Axis(axis, x.size(), "axes");
      call.Check(x[size_t(i)] == 1, "axes", "axes of size 1",
                 std::to_string(axis) + " of " + ShapeText(x));
      drop[size_t(i)] = true;
    }
  } else {
    for (size_t i = 0; i < x.size(); ++i) drop[i] = x[i] == 1;
  }
  Shape shape;
  for (size_t i = 0; i < x.size(); ++i) {
    if (!drop[i]) shape.push_back(x[i]);
  }
  return WithShape(call.Type("x"), shape);
}

Types Flatten(const OpCall& call) {
  const Shape& x = call.ShapeOf("x");
  const int64_t axis = call.Int("axis", 1);
  const int64_t wrapped = axis < 0 ? axis + int64_t(x.size()) : axis;
  call.Check(wrapped >= 0 && wrapped <= int64_t(x.size()), "axis", "an axis of x",
             std::to_string(axis));
  const size_t split = size_t(wrapped);
  return WithShape(call.Type("x"), {ElementCount(x, 0, split), ElementCount(x, split, x.size())});
}

Place SameElements(const OpCall& call, const View& x, size_t) {
  return Reshaped(x, call.TypeOf(call.Result()).shape);
}
Place SameElementsInverse(const OpCall& call, const View& result) {
  return Reshaped(result, call.TypeOf(ViewedOperand(call)).shape);
}

std::vector<int> Permutation(const OpCall& call) {
  const size_t rank = call.ShapeOf("x").size();
  std::vector<int> perm;
  for (int64_t axis : call.Ints("perm")) perm.push_back(call.Axis(axis, rank, "perm"));
  std::vector<int> sorted = perm;
  std::sort(sorted.begin(), sorted.end());
  call.Check(
      perm.size() == rank && std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end(),
      "perm", "a permutation of " + std::to_string(rank) + " axes",
      std::to_string(perm.size()) + " axes");
  return perm;
}

Types Transpose(const OpCall& call) {
  Shape shape;
  for (int axis : Permutation(call)) shape.push_back(call.ShapeOf("x")[size_t(axis)]);
  return WithShape(call.Type("x"), shape);
}

Place TransposeView(const OpCall& call, const View& x, size_t) {
  return Transposed(x, Permutation(call));
}

Place TransposeInverse(const OpCall& call, const View& result) {
  const std::vector<int> perm = Permutation(call);
  std::vector<int> inverse(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) inverse[size_t(perm[i])] = int(i);
  return Transposed(result, inverse);
}

Types Reverse(const OpCall& call) { return {call.Type("x")}; }

Place ReverseView(const OpCall& call, const View& x, size_t) {
  View out = x;
  std::vector<int64_t> axes;
  for (size_t i = 0; i < x.rank(); ++i) axes.push_back(int64_t(i));
  for (int64_t axis : call.Ints("axes", axes)) {
    const int i = call.Axis(axis, x.rank(), "axes");
    if (out.shape[size_t(i)] > 0)
      out = Sliced(out, i, out.shape[size_t(i)] - 1, out.shape[size_t(i)], -1);
  }
  return out;
}

Types Tile(const OpCall& call) {
  Shape shape = call.ShapeOf("x");
  const std::vector<int64_t> reps = call.Ints("reps");
  call.Check(reps.size() == shape.size(), "reps", std::to_string(shape.size()) + " numbers",
             std::to_string(reps.size()));
  for (size_t i = 0; i < shape.size(); ++i) {
    call.Check(reps[i] > 0 && reps[i] <= INT32_MAX, "reps", "positive numbers",
               std::to_string(reps[i]));
    shape[i] *= reps[i];
  }
  return WithShape(call.Type("x"), shape);
}

Place TileView(const OpCall& call, const View& x, size_t) {
  const std::vector<int64_t> reps = call.Ints("reps");
  for (size_t i = 0; i < reps.size(); ++i) {
    if (reps[i] != 1 && x.shape[i] != 1) return std::nullopt;
  }
  return Broadcast(x, call.TypeOf(call.Result()).shape);
}

// Every repeated axis becomes two: the repetition with stride 0, then the elements.
void LowerTile(const OpCall& call, Lowering& lowering) {
  const View x = lowering.In(call.Id("x"));
  const std::vector<int64_t> reps = call.Ints("reps");
  View source{x.buffer, x.dtype, x.offset, {}, {}};
  for (size_t i = 0; i < reps.size(); ++i) {
    source.shape.insert(source.shape.end(), {reps[i], x.shape[i]});
    source.strides.insert(source.strides.end(), {0, x.strides[i]});
  }
  const View out = lowering.Out(call.Result());
  if (const Place target = Reshaped(out, source.shape)) return lowering.EmitCopy(source, *target);
  const View dense = lowering.Temp(out.dtype, out.shape);
  lowering.EmitCopy(source, *Reshaped(dense, source.shape));
  lowering.EmitCopy(dense, out);
}

constexpr OpRow kRows[] = {
    {"identity", "x", Identity, SameElements, SameElementsInverse},
    {"tensor_buffer_to_tensor", "input", Identity, SameElements, SameElementsInverse},
    {"tensor_to_tensor_buffer", "input interleave_factors? strides?", Identity, SameElements,
     SameElementsInverse},
    {"reshape", "x shape", Reshape, SameElements, SameElementsInverse},
    {"flatten2d", "x axis?", Flatten, SameElements, SameElementsInverse},
    {"expand_dims", "x axes", ExpandDims, SameElements, SameElementsInverse},
    {"squeeze", "x axes?", Squeeze, SameElements, SameElementsInverse},
    {"transpose", "x perm", Transpose, TransposeView, TransposeInverse},
    {"reverse", "x axes?", Reverse, ReverseView, nullptr},
    {"tile", "x reps", Tile, TileView, nullptr, LowerTile},
    {"slice_by_index", "x begin end stride? begin_mask? end_mask? squeeze_mask?", InferSliceByIndex,
     ViewSliceByIndex, nullptr},
    {"slice_by_size", "x begin size", InferSliceBySize, ViewSliceBySize, nullptr, LowerSliceBySize},
    {"split", "x num_splits? split_sizes? axis", InferSplit, ViewSplit, nullptr},
};

}  // namespace

std::span<const OpRow> LayoutRows() { return kRows; }

}  // namespace ane::engine
