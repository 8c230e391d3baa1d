#include "engine/view.h"

#include <utility>

namespace ane::engine {

Shape DenseStrides(const Shape& shape) {
  Shape strides(shape.size());
  int64_t step = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = step;
    step *= shape[i];
  }
  return strides;
}

View DenseView(int buffer, Dtype dtype, const Shape& shape) {
  return {buffer, dtype, 0, shape, DenseStrides(shape)};
}

bool IsDense(const View& view) {
  int64_t step = 1;
  for (size_t i = view.rank(); i-- > 0;) {
    if (view.shape[i] != 1 && view.strides[i] != step) return false;
    step *= view.shape[i];
  }
  return true;
}

bool SamePlace(const View& a, const View& b) {
  if (a.buffer != b.buffer || a.offset != b.offset || a.dtype != b.dtype || a.shape != b.shape)
    return false;
  for (size_t i = 0; i < a.rank(); ++i) {
    if (a.shape[i] != 1 && a.strides[i] != b.strides[i]) return false;
  }
  return true;
}

std::optional<View> Reshaped(const View& view, const Shape& shape) {
  View out{view.buffer, view.dtype, view.offset, shape, DenseStrides(shape)};
  if (view.count() == 0) return out;
  // Old dimensions other than 1, merged where one runs on into the next.
  Shape sizes, strides;
  for (size_t i = 0; i < view.rank(); ++i) {
    if (view.shape[i] == 1) continue;
    if (!sizes.empty() && strides.back() == view.strides[i] * view.shape[i]) {
      sizes.back() *= view.shape[i];
      strides.back() = view.strides[i];
    } else {
      sizes.push_back(view.shape[i]);
      strides.push_back(view.strides[i]);
    }
  }
  // New dimensions are cut off the merged ones from the right.
  size_t group = sizes.size();
  int64_t left = 1, step = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    if (shape[i] == 1) {
      out.strides[i] = 0;
      continue;
    }
    if (left == 1) {
      if (group == 0) return std::nullopt;
      --group;
      left = sizes[group];
      step = strides[group];
    }
    if (left % shape[i] != 0) return std::nullopt;
    out.strides[i] = step;
    step *= shape[i];
    left /= shape[i];
  }
  return out;
}

View Transposed(const View& view, const std::vector<int>& perm) {
  View out = view;
  for (size_t i = 0; i < perm.size(); ++i) {
    out.shape[i] = view.shape[size_t(perm[i])];
    out.strides[i] = view.strides[size_t(perm[i])];
  }
  return out;
}

View SwapLast(View view) {
  std::swap(view.shape.end()[-1], view.shape.end()[-2]);
  std::swap(view.strides.end()[-1], view.strides.end()[-2]);
  return view;
}

View Sliced(const View& view, int axis, int64_t begin, int64_t count, int64_t step) {
  View out = view;
  const size_t i = size_t(axis);
  out.offset += begin * view.strides[i];
  out.shape[i] = count;
  out.strides[i] *= step;
  return out;
}

View WithoutAxis(const View& view, int axis) {
  View out = view;
  out.shape.erase(out.shape.begin() + axis);
  out.strides.erase(out.strides.begin() + axis);
  return out;
}

View Broadcast(const View& view, const Shape& shape) {
  View out{view.buffer, view.dtype, view.offset, shape, Shape(shape.size(), 0)};
  const size_t shift = shape.size() - view.rank();
  for (size_t i = 0; i < view.rank(); ++i) {
    if (view.shape[i] != 1) out.strides[i + shift] = view.strides[i];
  }
  return out;
}

}  // namespace ane::engine
