// Rows of operations that place elements by index.
#include <functional>

#include "engine/elementwise.h"
#include "engine/indices.h"
#include "engine/lowering.h"
#include "engine/op_row.h"

namespace ane::engine {
namespace {

using Types = std::vector<TensorType>;

size_t AxisOf(const OpCall& call) {
  return size_t(call.Axis(call.Int("axis", 0), call.ShapeOf("data").size(), "axis"));
}

enum class ScatterMode { kAdd, kUpdate, kSub, kMul, kDiv, kMin, kMax };

ScatterMode ReadMode(const OpCall& call) {
  const std::string mode = call.Text("mode", "add");
  constexpr const char* kNames[] = {"add", "update", "sub", "mul", "div", "min", "max"};
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (mode == kNames[i]) return ScatterMode(i);
  }
  call.Fail("mode",
            "Expected add, update, sub, mul, div, min or max for mode of scatter, got " + mode + ".");
}

double Combine(ScatterMode mode, double old, double update) {
  switch (mode) {
    case ScatterMode::kAdd: return old + update;
    case ScatterMode::kUpdate: return update;
    case ScatterMode::kSub: return old - update;
    case ScatterMode::kMul: return old * update;
    case ScatterMode::kDiv: return old / update;
    case ScatterMode::kMin: return ApplyScalar(Elementwise::kMinimum, old, update, 0, {});
    case ScatterMode::kMax: return ApplyScalar(Elementwise::kMaximum, old, update, 0, {});
  }
  return old;
}

Types Scatter(const OpCall& call) {
  ReadMode(call);
  return {call.Type("data")};
}

// Copies elements into another type.
void EmitElements(Lowering& lowering, const View& from, const View& to) {
  lowering.Emit({from, to}, [=](const RunContext& context) -> const char* {
    const Elements source(context, from), target(context, to);
    for (int64_t i = 0; i < target.count(); ++i) target.Set(i, source.Get(i));
    return nullptr;
  });
}

// Where updates are combined with data: in the result, or in fp32 where it is fp16, so that a sum of
// several is rounded once.
View EmitStart(const OpCall& call, Lowering& lowering) {
  const View data = lowering.In(call.Id("data")), out = lowering.Out(call.Result());
  if (out.dtype != Dtype::kFp16) {
    lowering.EmitCopy(data, out);
    return out;
  }
  const View sums = lowering.Temp(Dtype::kFp32, out.shape);
  EmitElements(lowering, data, sums);
  return sums;
}

void EmitEnd(Lowering& lowering, const View& sums, const View& out) {
  if (sums.dtype != out.dtype) EmitElements(lowering, sums, out);
}

void LowerScatterAlongAxis(const OpCall& call, Lowering& lowering) {
  const View data = lowering.In(call.Id("data")), indices = lowering.In(call.Id("indices"));
  const View updates = lowering.In(call.Id("updates"));
  const size_t axis = AxisOf(call);
  const ScatterMode mode = ReadMode(call);
  call.Check(indices.shape == updates.shape && indices.rank() == data.rank(), "updates",
             "the shape of indices", ShapeText(updates.shape));
  const AxisSplit whole(data.shape, axis), picked(indices.shape, axis);
  call.Check(whole.before == picked.before && whole.after == picked.after, "indices",
             "the shape of data except along the axis", ShapeText(indices.shape));
  const View sums = EmitStart(call, lowering);
  lowering.Emit({indices, updates, sums}, [=](const RunContext& context) -> const char* {
    const Elements index(context, indices), from(context, updates), to(context, sums);
    for (int64_t flat = 0; flat < from.count(); ++flat) {
      const int64_t at = WrapIndex(index.Get(flat), whole.along);
      if (at < 0) return kOutside;
      const int64_t target =
          whole.At(flat / (picked.along * picked.after), at, flat % picked.after);
      to.Set(target, Combine(mode, to.Get(target), from.Get(flat)));
    }
    return nullptr;
  });
  EmitEnd(lowering, sums, lowering.Out(call.Result()));
}

// scatter (along one axis, whole slices) and scatter_nd.
void LowerScatter(const OpCall& call, Lowering& lowering) {
  const View data = lowering.In(call.Id("data")), indices = lowering.In(call.Id("indices"));
  const View updates = lowering.In(call.Id("updates"));
  const bool nd = call.operation().op == "scatter_nd";
  const ScatterMode mode = ReadMode(call);
  const int64_t depth = nd && indices.rank() > 0 ? indices.shape.back() : 1;
  call.Check(depth > 0 && depth <= int64_t(data.rank()), "indices",
             "at most one index per dimension", ShapeText(indices.shape));
  const AxisSplit split(data.shape, nd ? size_t(depth - 1) : AxisOf(call));
  const int64_t before = nd ? 1 : split.before, tuples = indices.count() / depth;
  call.Check(updates.count() == before * tuples * split.after, "updates", "one slice per index",
             ShapeText(updates.shape));
  const Shape leading = nd ? data.shape : Shape{split.along};
  const View sums = EmitStart(call, lowering);
  lowering.Emit({indices, updates, sums}, [=](const RunContext& context) -> const char* {
    const Elements index(context, indices), from(context, updates), to(context, sums);
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
  EmitEnd(lowering, sums, lowering.Out(call.Result()));
}

constexpr OpRow kRows[] = {
    {"scatter", "data indices updates axis? mode? validate_indices?", Scatter, LowerScatter},
    {"scatter_along_axis", "data indices updates axis? mode? validate_indices?", Scatter,
     LowerScatterAlongAxis},
    {"scatter_nd", "data indices updates mode? validate_indices?", Scatter, LowerScatter},
};

}  // namespace

std::span<const OpRow> ScatterRows() { return kRows; }

}  // namespace ane::engine
