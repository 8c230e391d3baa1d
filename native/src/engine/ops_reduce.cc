// Rows of reductions.
#include "engine/lowering.h"
#include "engine/op_row.h"
#include "engine/reduction.h"

namespace ane::engine {
namespace {

using Types = std::vector<TensorType>;

std::vector<bool> ReducedAxes(const OpCall& call) {
  const size_t rank = call.ShapeOf("x").size();
  std::vector<bool> reduced(rank, !call.Has("axes"));
  if (call.Has("axes")) {
    for (int64_t axis : call.Ints("axes")) reduced[size_t(call.Axis(axis, rank, "axes"))] = true;
  }
  return reduced;
}

std::vector<bool> ArgAxis(const OpCall& call) {
  const size_t rank = call.ShapeOf("x").size();
  std::vector<bool> reduced(rank, false);
  reduced[size_t(call.Axis(call.Int("axis", -1), rank, "axis"))] = true;
  return reduced;
}

Shape ReducedShape(const OpCall& call, const std::vector<bool>& reduced) {
  const Shape& x = call.ShapeOf("x");
  const bool keep = call.Bool("keep_dims", false);
  Shape shape;
  for (size_t i = 0; i < x.size(); ++i) {
    if (!reduced[i]) shape.push_back(x[i]);
    if (reduced[i] && keep) shape.push_back(1);
  }
  return shape;
}

Types Reduce(const OpCall& call) {
  return {{call.Type("x").dtype, 0, ReducedShape(call, ReducedAxes(call))}};
}

Types ReduceArg(const OpCall& call) {
  const std::string name = call.Text("output_dtype", "int32");
  call.Check(name == "int32" || name == "uint16", "output_dtype", "int32 or uint16", name);
  return {{name == "int32" ? Dtype::kInt32 : Dtype::kUint16, 0, ReducedShape(call, ArgAxis(call))}};
}

template <ReduceKind kind>
void Lower(const OpCall& call, Lowering& lowering) {
  const bool arg = kind == ReduceKind::kArgMax || kind == ReduceKind::kArgMin;
  const std::vector<bool> reduced = arg ? ArgAxis(call) : ReducedAxes(call);
  const View x = lowering.In(call.Id("x"));
  View out = lowering.Out(call.Result());
  call.Check(x.count() > 0 || kind == ReduceKind::kSum || kind == ReduceKind::kProd, "x",
             "at least one element", ShapeText(x.shape));
  if (!call.Bool("keep_dims", false)) {
    for (size_t i = 0; i < x.rank(); ++i) {
      if (!reduced[i]) continue;
      out.shape.insert(out.shape.begin() + int64_t(i), 1);
      out.strides.insert(out.strides.begin() + int64_t(i), 0);
    }
  }
  lowering.Emit({x, out}, [reduction = Reduction(kind, x, out, reduced)](
                              const RunContext& context) { return reduction.Run(context); });
}

constexpr OpRow kRows[] = {
    {"reduce_sum", "x axes? keep_dims?", Reduce, Lower<ReduceKind::kSum>},
    {"reduce_mean", "x axes? keep_dims?", Reduce, Lower<ReduceKind::kMean>},
    {"reduce_max", "x axes? keep_dims?", Reduce, Lower<ReduceKind::kMax>},
    {"reduce_min", "x axes? keep_dims?", Reduce, Lower<ReduceKind::kMin>},
    {"reduce_prod", "x axes? keep_dims?", Reduce, Lower<ReduceKind::kProd>},
    {"reduce_l1_norm", "x axes? keep_dims?", Reduce, Lower<ReduceKind::kL1>},
    {"reduce_l2_norm", "x axes? keep_dims?", Reduce, Lower<ReduceKind::kL2>},
    {"reduce_log_sum", "x axes? keep_dims?", Reduce, Lower<ReduceKind::kLogSum>},
    {"reduce_log_sum_exp", "x axes? keep_dims?", Reduce, Lower<ReduceKind::kLogSumExp>},
    {"reduce_sum_square", "x axes? keep_dims?", Reduce, Lower<ReduceKind::kSumSquare>},
    {"reduce_argmax", "x axis? keep_dims? output_dtype?", ReduceArg, Lower<ReduceKind::kArgMax>},
    {"reduce_argmin", "x axis? keep_dims? output_dtype?", ReduceArg, Lower<ReduceKind::kArgMin>},
};

}  // namespace

std::span<const OpRow> ReduceRows() { return kRows; }

}  // namespace ane::engine
