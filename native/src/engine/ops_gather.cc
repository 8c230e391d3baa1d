// Rows of operations that pick or place elements by index.
#include <functional>

#include "engine/elements.h"
#include "engine/lowering.h"
#include "engine/op_row.h"

namespace ane::engine {
namespace {

using Types = std::vector<TensorType>;

constexpr char kOutside[] =
    "Expected indices inside the tensor for gather or scatter, got one outside.";

// -1 when outside.
int64_t Wrap(double index, int64_t size) {
  const int64_t i = ToInteger(index), wrapped = i < 0 ? i + size : i;
  return wrapped >= 0 && wrapped < size ? wrapped : -1;
}

size_t AxisOf(const OpCall& call, std::string_view tensor) {
  return size_t(call.Axis(call.Int("axis", 0), call.ShapeOf(tensor).size(), "axis"));
}

Types Gather(const OpCall& call) {
  const Shape &x = call.ShapeOf("x"), &indices = call.ShapeOf("indices");
  const size_t axis = AxisOf(call, "x");
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
  const size_t axis = AxisOf(call, "x"), batch_dims = size_t(call.Int("batch_dims", 0));
  const int64_t batches = ElementCount(indices.shape, 0, batch_dims);
  const int64_t per_batch = batches == 0 ? 0 : indices.count() / batches;
  const AxisSplit split(x.shape, axis);
  const int64_t middle = batches == 0 ? 0 : split.before / batches;
  lowering.Emit({x, indices, out}, [=](const RunContext& context) -> const char* {
    const Elements from(context, x), index(context, indices), to(context, out);
    for (int64_t b = 0; b < batches; ++b) {
      for (int64_t i = 0; i < per_batch; ++i) {
        const int64_t at = Wrap(index.Get(b * per_batch + i), split.along);
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
  const size_t axis = AxisOf(call, "x");
  bool fits = x.size() == indices.size();
  for (size_t i = 0; fits && i < x.size(); ++i) fits = i == axis || x[i] == indices[i];
  call.Check(fits, "indices", "the shape of x except along the axis", ShapeText(indices));
  return {{call.Type("x").dtype, 0, indices}};
}

void LowerGatherAlongAxis(const OpCall& call, Lowering& lowering) {
  const View x = lowering.In(call.Id("x")), indices = lowering.In(call.Id("indices")),
             out = lowering.Out(call.Result());
  const size_t axis = AxisOf(call, "x");
  const AxisSplit in(x.shape, axis), picked(indices.shape, axis);
  lowering.Emit({x, indices, out}, [=](const RunContext& context) -> const char* {
    const Elements from(context, x), index(context, indices), to(context, out);
    for (int64_t flat = 0; flat < to.count(); ++flat) {
      const int64_t at = Wrap(index.Get(flat), in.along);
      if (at < 0) return kOutside;
      to.Set(flat, from.Get(in.At(flat / (picked.along * picked.after), at, flat % picked.after)));
    }
    return nullptr;
  });
}

Types GatherNd(const OpCall& call) {
  const Shape &x = call.ShapeOf("x"), &indices = call.ShapeOf("indices");
  call.Check(call.Int("batch_dims", 0) == 0, "batch_dims", "0", "another number");
  call.Check(!indices.empty() && indices.back() <= int64_t(x.size()), "indices",
             "at most one index per dimension of x", ShapeText(indices));
  Shape shape(indices.begin(), indices.end() - 1);
  shape.insert(shape.end(), x.begin() + indices.back(), x.end());
  call.Check(shape.size() <= size_t(kMaxRank), "indices", "at most 8 dimensions in the result",
             ShapeText(shape));
  return {{call.Type("x").dtype, 0, shape}};
}

// The flat number of the slice that one index tuple addresses; -1 when outside.
int64_t SliceAt(const Elements& index, int64_t tuple, int64_t depth, const Shape& shape) {
  int64_t at = 0;
  for (int64_t d = 0; d < depth; ++d) {
    const int64_t i = Wrap(index.Get(tuple * depth + d), shape[size_t(d)]);
    if (i < 0) return -1;
    at = at * shape[size_t(d)] + i;
  }
  return at;
}

void LowerGatherNd(const OpCall& call, Lowering& lowering) {
  const View x = lowering.In(call.Id("x")), indices = lowering.In(call.Id("indices")),
             out = lowering.Out(call.Result());
  const int64_t depth = indices.shape.back();
  const int64_t slice = ElementCount(x.shape, size_t(depth), x.rank());
  lowering.Emit({x, indices, out}, [=](const RunContext& context) -> const char* {
    const Elements from(context, x), index(context, indices), to(context, out);
    for (int64_t i = 0; slice > 0 && i < to.count() / slice; ++i) {
      const int64_t at = SliceAt(index, i, depth, x.shape);
      if (at < 0) return kOutside;
      for (int64_t c = 0; c < slice; ++c) to.Set(i * slice + c, from.Get(at * slice + c));
    }
    return nullptr;
  });
}

enum class ScatterMode { kAdd, kUpdate, kMul, kDiv, kMin, kMax };

ScatterMode ReadMode(const OpCall& call) {
  const std::string mode = call.Text("mode", "add");
  constexpr const char* kNames[] = {"add", "update", "mul", "div", "min", "max"};
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (mode == kNames[i]) return ScatterMode(i);
  }
  call.Check(mode == "sub", "mode", "a scatter mode this engine has", mode);
  call.Fail("mode", "Expected add, update, mul, div, min or max for mode of scatter, got sub.");
}

double Combine(ScatterMode mode, double old, double update) {
  switch (mode) {
    case ScatterMode::kAdd: return old + update;
    case ScatterMode::kUpdate: return update;
    case ScatterMode::kMul: return old * update;
    case ScatterMode::kDiv: return old / update;
    case ScatterMode::kMin: return update < old ? update : old;
    case ScatterMode::kMax: return update > old ? update : old;
  }
  return old;
}

Types Scatter(const OpCall& call) {
  ReadMode(call);
  return {call.Type("data")};
}

void LowerScatterAlongAxis(const OpCall& call, Lowering& lowering) {
  const View data = lowering.In(call.Id("data")), indices = lowering.In(call.Id("indices"));
  const View updates = lowering.In(call.Id("updates")), out = lowering.Out(call.Result());
  const size_t axis = AxisOf(call, "data");
  const ScatterMode mode = ReadMode(call);
  call.Check(indices.shape == updates.shape && indices.rank() == data.rank(), "updates",
             "the shape of indices", ShapeText(updates.shape));
  const AxisSplit whole(data.shape, axis), picked(indices.shape, axis);
  call.Check(whole.before == picked.before && whole.after == picked.after, "indices",
             "the shape of data except along the axis", ShapeText(indices.shape));
  lowering.EmitCopy(data, out);
  lowering.Emit({indices, updates, out}, [=](const RunContext& context) -> const char* {
    const Elements index(context, indices), from(context, updates), to(context, out);
    for (int64_t flat = 0; flat < from.count(); ++flat) {
      const int64_t at = Wrap(index.Get(flat), whole.along);
      if (at < 0) return kOutside;
      const int64_t target =
          whole.At(flat / (picked.along * picked.after), at, flat % picked.after);
      to.Set(target, Combine(mode, to.Get(target), from.Get(flat)));
    }
    return nullptr;
  });
}

// scatter (along one axis, whole slices) and scatter_nd.
void LowerScatter(const OpCall& call, Lowering& lowering) {
  const View data = lowering.In(call.Id("data")), indices = lowering.In(call.Id("indices"));
  const View updates = lowering.In(call.Id("updates")), out = lowering.Out(call.Result());
  const bool nd = call.operation().op == "scatter_nd";
  const ScatterMode mode = ReadMode(call);
  const int64_t depth = nd && indices.rank() > 0 ? indices.shape.back() : 1;
  call.Check(depth > 0 && depth <= int64_t(data.rank()), "indices",
             "at most one index per dimension", ShapeText(indices.shape));
  const AxisSplit split(data.shape, nd ? size_t(depth - 1) : AxisOf(call, "data"));
  const int64_t before = nd ? 1 : split.before, tuples = indices.count() / depth;
  call.Check(updates.count() == before * tuples * split.after, "updates", "one slice per index",
             ShapeText(updates.shape));
  const Shape leading = nd ? data.shape : Shape{split.along};
  lowering.EmitCopy(data, out);
  lowering.Emit({indices, updates, out}, [=](const RunContext& context) -> const char* {
    const Elements index(context, indices), from(context, updates), to(context, out);
    for (int64_t b = 0; b < before; ++b) {
      for (int64_t i = 0; i < tuples; ++i) {
        const int64_t at = SliceAt(index, i, depth, leading);
        if (at < 0) return kOutside;
        for (int64_t c = 0; c < split.after; ++c) {
          const int64_t target = (nd ? at : b * split.along + at) * split.after + c;
          to.Set(target,
                 Combine(mode, to.Get(target), from.Get((b * tuples + i) * split.after + c)));
        }
      }
    }
    return nullptr;
  });
}

constexpr OpRow kRows[] = {
    {"gather", "x indices axis? batch_dims? validate_indices?", Gather, LowerGather},
    {"gather_along_axis", "x indices axis? validate_indices?", GatherAlongAxis,
     LowerGatherAlongAxis},
    {"gather_nd", "x indices batch_dims? validate_indices?", GatherNd, LowerGatherNd},
    {"scatter", "data indices updates axis? mode? validate_indices?", Scatter, LowerScatter},
    {"scatter_along_axis", "data indices updates axis? mode? validate_indices?", Scatter,
     LowerScatterAlongAxis},
    {"scatter_nd", "data indices updates mode? validate_indices?", Scatter, LowerScatter},
};

}  // namespace

std::span<const OpRow> GatherRows() { return kRows; }

}  // namespace ane::engine
