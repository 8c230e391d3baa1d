// Element access by logical position, for kernels where speed does not matter.
#pragma once

#include "engine/plan.h"
#include "engine/scalar.h"

namespace ane::engine {

// A view resolved for one run. Positions are flat row-major numbers of the view's shape, whatever
// its strides.
class Elements {
 public:
  Elements(const RunContext& context, const View& view) : data_(context.Data(view)), view_(view) {}

  double Get(int64_t flat) const { return LoadDouble(data_, view_.dtype, Offset(flat)); }
  void Set(int64_t flat, double value) const {
    StoreDouble(data_, view_.dtype, Offset(flat), value);
  }
  int64_t count() const { return view_.count(); }

 private:
  int64_t Offset(int64_t flat) const {
    int64_t offset = 0;
    for (size_t i = view_.rank(); i-- > 0;) {
      offset += flat % view_.shape[i] * view_.strides[i];
      flat /= view_.shape[i];
    }
    return offset;
  }

  void* data_;
  const View& view_;
};

// Splits a shape around an axis: before, along, after; element (b, a, c) is at (b * along + a) *
// after + c.
struct AxisSplit {
  int64_t before = 1, along = 1, after = 1;
  AxisSplit(const Shape& shape, size_t axis) {
    for (size_t i = 0; i < shape.size(); ++i)
      (i < axis ? before : i == axis ? along : after) *= shape[i];
  }
  int64_t At(int64_t b, int64_t a, int64_t c) const { return (b * along + a) * after + c; }
};

}  // namespace ane::engine
