// Rows of operations that pick elements by index.
#include <functional>

#include "engine/indices.h"
#include "engine/lowering.h"
#include "engine/op_row.h"

namespace ane::engine {
namespace {

using Types = std::vector<TensorType>;

size_t AxisOf(const OpCall& call) {
  return size_t(call.Axis(call.Int("axis", 0), call.ShapeOf("x").size(), "axis"));
}

Types Gather(const OpCall& call) {
  const Shape &x = call.ShapeOf("x"), &indices = call.ShapeOf("indices");
  const size_t axis = AxisOf(call);
  const int64_t batch = call.Int("batch_dims", 0);
  call.Check(batch >= 0 && batch <= int64_t(axis) && batch <= int64_t(indices.size()), "batch_dims",
             "at most the axis", std::to_string(batch));
  Shape shape(x.begin(), x.begin() + int64_t(axis));
  shape.insert(shape.end(), indices.begin() + batch, indices.end());
  shape.insert(shape.end(), x.begin() + int64_t(axis) + 1, x.end());
  call.Check(shape.size() <= size_t(kMaxRank), "indices", "at most 8 dimensions in the result",
             ShapeText(shape));
  for (int64_t i = 0; i < batch; ++i) {
    call.Check(x[size_t(i)] == indices[size_t(i)], "indices", "the batch of x", ShapeText(indices));
  }
  return {{call.Type("x").dtype, call.Type("x").bits, shape}};
}

void LowerGather(const OpCall& call, Lowering& lowering) {
  const View x = lowering.In(call.Id("x")), indices = lowering.In(call.Id("indices")),
             out = lowering.Out(call.Result());
  const size_t axis = AxisOf(call), batch_dims = size_t(call.Int("batch_dims", 0));
  const int64_t batches = ElementCount(indices.shape, 0, batch_dims);
  const int64_t per_batch = batches == 0 ? 0 : indices.count() / batches;
  const AxisSplit split(x.shape, axis);
  const int64_t middle = batches == 0 ? 0 : split.before / batches;
  lowering.Emit({x, indices, out}, [=](const RunContext& context) -> const char* {
    const Elements from(context, x), index(context, indices), to(context, out);
    for (int64_t b = 0; b < batches; ++b) {
      for (int64_t i = 0; i < per_batch; ++i) {
        const int64_t at = WrapIndex(index.Get(b * per_batch + i), split.along);
        if (at < 0) return kOutside;
        for (int64_t m = 0; m < middle; ++m) {
          for (int64_t c = 0; c < split.after; ++c) {
            to.Set(((b * middle + m) * per_batch + i) * split.after + c,
                   from.Get(split.At(b * middle + m, at, c)));
          }
        }
      }
    }
    return nullptr;
  });
}

Types GatherAlongAxis(const OpCall& call) {
  const Shape &x = call.ShapeOf("x"), &indices = call.ShapeOf("indices");
  const size_t axis = AxisOf(call);
  bool fits = x.size() == indices.size();
  for (size_t i = 0; fits && i < x.size(); ++i) fits = i == axis || x[i] == indices[i];
  call.Check(fits, "indices", "the shape of x except along the axis", ShapeText(indices));
  return {{call.Type("x").dtype, 0, indices}};
}

void LowerGatherAlongAxis(const OpCall& call, Lowering& lowering) {
  const View x = lowering.In(call.Id("x")), indices = lowering.In(call.Id("indices")),
             out = lowering.Out(call.Result());
  const size_t axis = AxisOf(call);
  const AxisSplit in(x.shape, axis), picked(indices.shape, axis);
  lowering.Emit({x, indices, out}, [=](const RunContext& context) -> const char* {
    const Elements from(context, x), index(context, indices), to(context, out);
    for (int64_t flat = 0; flat < to.count(); ++flat) {
      const int64_t at = WrapIndex(index.Get(flat), in.along);
      if (at < 0) return kOutside;
      to.Set(flat, from.Get(in.At(flat / (picked.along * picked.after), at, flat % picked.after)));
    }
    return nullptr;
  });
}

Types GatherNd(const OpCall& call) {
  const Shape &x = call.ShapeOf("x"), &indices = call.ShapeOf("indices");
  const int64_t batch = call.Int("batch_dims", 0);
  call.Check(batch >= 0 && batch < int64_t(indices.size()), "batch_dims",
             "fewer than the dimensions of indices", std::to_string(batch));
  call.Check(indices.back() + batch <= int64_t(x.size()), "indices",
             "at most one index per dimension of x", ShapeText(indices));
  for (int64_t i = 0; i < batch; ++i) {
    call.Check(x[size_t(i)] == indices[size_t(i)], "indices", "the batch of x", ShapeText(indices));
  }
  Shape shape(indices.begin(), indices.end() - 1);
  shape.insert(shape.end(), x.begin() + batch + indices.back(), x.end());
  call.Check(shape.size() <= size_t(kMaxRank), "indices", "at most 8 dimensions in the result",
             ShapeText(shape));
  return {{call.Type("x").dtype, 0, shape}};
}

void LowerGatherNd(const OpCall& call, Lowering& lowering) {
  const View x = lowering.In(call.Id("x")), indices = lowering.In(call.Id("indices")),
             out = lowering.Out(call.Result());
  const int64_t depth = indices.shape.back();
  const size_t batch_dims = size_t(call.Int("batch_dims", 0));
  const Shape own(x.shape.begin() + int64_t(batch_dims), x.shape.end());  // of one batch
  const int64_t slice = ElementCount(own, size_t(depth), own.size());
  const int64_t slices = ElementCount(own, 0, size_t(depth));
  const int64_t per_batch = ElementCount(indices.shape, batch_dims, indices.rank() - 1);
  lowering.Emit({x, indices, out}, [=](const RunContext& context) -> const char* {
    const Elements from(context, x), index(context, indices), to(context, out);
    for (int64_t i = 0; slice > 0 && i < to.count() / slice; ++i) {
      const int64_t at = SliceAt(index, i, depth, own);
      if (at < 0) return kOutside;
      const int64_t first = (i / per_batch * slices + at) * slice;
      for (int64_t c = 0; c < slice; ++c) to.Set(i * slice + c, from.Get(first + c));
    }
    return nullptr;
  });
}

constexpr OpRow kRows[] = {
    {"gather", "x indices axis? batch_dims? validate_indices?", Gather, LowerGather},
    {"gather_along_axis", "x indices axis? validate_indices?", GatherAlongAxis,
     LowerGatherAlongAxis},
    {"gather_nd", "x indices batch_dims? validate_indices?", GatherNd, LowerGatherNd},
};

}  // namespace

std::span<const OpRow> GatherRows() { return kRows; }

}  // namespace ane::engine
