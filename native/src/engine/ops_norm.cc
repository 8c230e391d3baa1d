// Rows of normalisations.
#include <cmath>
#include <functional>

#include "engine/elements.h"
#include "engine/lowering.h"
#include "engine/op_row.h"
#include "engine/strided.h"

namespace ane::engine {
namespace {

using Types = std::vector<TensorType>;

// Statistics over some axes, then ·gamma + beta, each of which spreads over its own axes of x.
struct Normalise {
  View x, out, gamma, beta;  // gamma and beta broadcast to x's shape
  bool has_gamma, has_beta, centre;
  double epsilon;
  LoopNest kept, reduced;  // strides of x, out, gamma, beta

  void Run(const RunContext& context, int64_t begin, int64_t end) const {
    const int64_t count = ElementCount(reduced.shape);
    const View* views[] = {&x, &out, &gamma, &beta};
    for (int64_t item = begin; item < end; ++item) {
      int64_t base[4];
      for (int v = 0; v < 4; ++v)
        base[v] = RowCursor(kept.shape, kept.strides[size_t(v)], item).offset();
      const auto load = [&](int v, const RowCursor& cursor) {
        return LoadDouble(context.Data(*views[v]), views[v]->dtype, base[v] + cursor.offset());
      };
      double mean = 0, squares = 0;
      RowCursor first(reduced.shape, reduced.strides[0], 0), second = first;
      for (int64_t i = 0; centre && i < count; ++i, first.Advance(1))
        mean += load(0, first) / double(count);
      for (int64_t i = 0; i < count; ++i, second.Advance(1)) {
        const double value = load(0, second) - mean;
        squares += value * value;
      }
      const double scale = 1 / std::sqrt((centre ? squares / double(count) : squares) + epsilon);
      RowCursor at(reduced.shape, reduced.strides[0], 0), to(reduced.shape, reduced.strides[1], 0);
      RowCursor g(reduced.shape, reduced.strides[2], 0), b(reduced.shape, reduced.strides[3], 0);
      for (int64_t i = 0; i < count; ++i) {
        double value = (load(0, at) - mean) * scale;
        if (has_gamma) value *= load(2, g);
        if (has_beta) value += load(3, b);
        StoreDouble(context.Data(out), out.dtype, base[1] + to.offset(), value);
        at.Advance(1);
        to.Advance(1);
        g.Advance(1);
        b.Advance(1);
      }
    }
  }
};

View Subset(const View& view, const std::vector<bool>& mask, bool keep) {
  View out{view.buffer, view.dtype, view.offset, {}, {}};
  for (size_t i = 0; i < view.rank(); ++i) {
    if (mask[i] != keep) continue;
    out.shape.push_back(view.shape[i]);
    out.strides.push_back(view.strides[i]);
  }
  return out;
}

// A parameter whose dimensions are those of x along `axes`.
View Spread(const View& parameter, const View& x, const std::vector<bool>& axes) {
  View out{parameter.buffer, parameter.dtype, parameter.offset, x.shape, Shape(x.rank(), 0)};
  size_t next = 0;
  for (size_t i = 0; i < x.rank(); ++i) {
    if (axes[i]) out.strides[i] = parameter.strides[next++];
  }
  return out;
}

void EmitNormalise(const OpCall& call, Lowering& lowering, const std::vector<bool>& reduced,
                   const std::vector<bool>& parameter_axes, double epsilon, bool centre) {
  Normalise n;
  n.x = lowering.In(call.Id("x"));
  n.out = lowering.Out(call.Result());
  n.has_gamma = call.Has("gamma");
  n.has_beta = call.Has("beta");
  n.gamma = n.has_gamma ? Spread(lowering.In(call.Id("gamma")), n.x, parameter_axes) : n.x;
  n.beta = n.has_beta ? Spread(lowering.In(call.Id("beta")), n.x, parameter_axes) : n.x;
  n.centre = centre;
  n.epsilon = epsilon;
  const std::vector<View> views = {n.x, n.out, n.gamma, n.beta};
  std::vector<View> kept, inner;
  for (const View& view : views) {
    kept.push_back(Subset(view, reduced, false));
    inner.push_back(Subset(view, reduced, true));
  }
  n.kept = Collapse(kept);
  n.reduced = Collapse(inner);
  if (n.out.count() == 0) return;
  lowering.Emit(views, [n = std::move(n)](const RunContext& context) -> const char* {
    const auto body = [&](int64_t begin, int64_t end) { n.Run(context, begin, end); };
    context.pool.ParallelFor(ElementCount(n.kept.shape), 1, std::ref(body));
    return nullptr;
  });
}

std::vector<bool> LayerAxes(const OpCall& call) {
  const size_t rank = call.ShapeOf("x").size();
  std::vector<bool> axes(rank, !call.Has("axes"));
  if (call.Has("axes")) {
    for (int64_t axis : call.Ints("axes")) axes[size_t(call.Axis(axis, rank, "axes"))] = true;
  }
  return axes;
}

Types LayerNorm(const OpCall& call) {
  const std::vector<bool> axes = LayerAxes(call);
  Shape wanted;
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i]) wanted.push_back(call.ShapeOf("x")[i]);
  }
  for (const char* name : {"gamma", "beta"}) {
    if (call.Has(name))
      call.Check(call.ShapeOf(name) == wanted, name, ShapeText(wanted),
                 ShapeText(call.ShapeOf(name)));
  }
  return {call.Type("x")};
}

void LowerLayerNorm(const OpCall& call, Lowering& lowering) {
  EmitNormalise(call, lowering, LayerAxes(call), LayerAxes(call), call.Number("epsilon", 1e-5),
                true);
}

Types PerChannel(const OpCall& call) {
  const Shape& x = call.ShapeOf("x");
  call.Check(x.size() >= 3, "x", "[N, C, *D]", ShapeText(x));
  for (const char* name : {"gamma", "beta", "mean", "variance"}) {
    if (call.Has(name))
      call.Check(call.ShapeOf(name) == Shape{x[1]}, name, "one number per channel",
                 ShapeText(call.ShapeOf(name)));
  }
  return {call.Type("x")};
}

void LowerInstanceNorm(const OpCall& call, Lowering& lowering) {
  std::vector<bool> reduced(call.ShapeOf("x").size(), true), channel(reduced.size(), false);
  reduced[0] = reduced[1] = false;
  channel[1] = true;
  EmitNormalise(call, lowering, reduced, channel, call.Number("epsilon", 1e-5), true);
}

Types L2Norm(const OpCall& call) {
  call.Check(call.ShapeOf("x").size() >= 3, "x", "at least three dimensions",
             ShapeText(call.ShapeOf("x")));
  return {call.Type("x")};
}

void LowerL2Norm(const OpCall& call, Lowering& lowering) {
  const size_t rank = call.ShapeOf("x").size();
  std::vector<bool> reduced(rank, false);
  for (size_t i = rank - 3; i < rank; ++i) reduced[i] = true;
  EmitNormalise(call, lowering, reduced, reduced, call.Number("epsilon", 1e-6), false);
}

void LowerBatchNorm(const OpCall& call, Lowering& lowering) {
  const View x = lowering.In(call.Id("x")), out = lowering.Out(call.Result());
  const std::vector<double> mean = call.Numbers("mean"), variance = call.Numbers("variance");
  const std::vector<double> gamma =
      call.Has("gamma") ? call.Numbers("gamma") : std::vector<double>(mean.size(), 1);
  const std::vector<double> beta =
      call.Has("beta") ? call.Numbers("beta") : std::vector<double>(mean.size(), 0);
  const double epsilon = call.Number("epsilon", 1e-5);
  const AxisSplit split(x.shape, 1);
  lowering.Emit({x, out}, [=](const RunContext& context) -> const char* {
    const Elements from(context, x), to(context, out);
    const auto body = [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const size_t c = size_t(i / split.after % split.along);
        to.Set(i, (from.Get(i) - mean[c]) / std::sqrt(variance[c] + epsilon) * gamma[c] + beta[c]);
      }
    };
    context.pool.ParallelFor(to.count(), 1024, std::ref(body));
    return nullptr;
  });
}

constexpr OpRow kRows[] = {
    {"layer_norm", "x axes? gamma? beta? epsilon?", LayerNorm, LowerLayerNorm},
    {"instance_norm", "x gamma? beta? epsilon?", PerChannel, LowerInstanceNorm},
    {"batch_norm", "x mean variance gamma? beta? epsilon?", PerChannel, LowerBatchNorm},
    {"l2_norm", "x epsilon?", L2Norm, LowerL2Norm},
};

}  // namespace

std::span<const OpRow> NormRows() { return kRows; }

}  // namespace ane::engine
