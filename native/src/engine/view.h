// Strided windows into buffers.
#pragma once

#include <optional>
#include <vector>

#include "engine/types.h"

namespace ane::engine {

// Element [i0, i1, ...] is at offset + sum(i * stride), in elements of `dtype`, from the start of
// the buffer.
struct View {
  int buffer = -1;
  Dtype dtype = Dtype::kFp32;
  int64_t offset = 0;
  Shape shape;
  Shape strides;

  size_t rank() const { return shape.size(); }
  int64_t count() const { return ElementCount(shape); }
};

Shape DenseStrides(const Shape& shape);
View DenseView(int buffer, Dtype dtype, const Shape& shape);
bool IsDense(const View& view);
// Same elements at the same places (strides of dimensions of size 1 do not matter).
bool SamePlace(const View& a, const View& b);

// The view under another shape of equal count, or nothing when strides cannot express it.
std::optional<View> Reshaped(const View& view, const Shape& shape);
// Dimension i of the result is dimension perm[i].
View Transposed(const View& view, const std::vector<int>& perm);
// The last two dimensions exchanged.
View SwapLast(View view);
// Elements begin, begin + step, ... along one axis.
View Sliced(const View& view, int axis, int64_t begin, int64_t count, int64_t step = 1);
View WithoutAxis(const View& view, int axis);
// Stride 0 where a dimension is repeated; shapes aligned right.
View Broadcast(const View& view, const Shape& shape);

}  // namespace ane::engine
