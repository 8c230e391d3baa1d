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

template <ReduceKind kind>
constexpr OpRow MakeRow(const char* name) {
  const bool arg = kind == ReduceKind::kArgMax || kind == ReduceKind::kArgMin;
  OpRow row{name, arg ? "x axis? keep_dims? output_dtype?" : "x axes? keep_dims?",
            arg ? ReduceArg : Reduce};
  row.lower = Lower<kind>;
  return row;
}

constexpr OpRow kRows[] = {
    MakeRow<ReduceKind::kSum>("reduce_sum"),
    MakeRow<ReduceKind::kMean>("reduce_mean"),
    MakeRow<ReduceKind::kMax>("reduce_max"),
    MakeRow<ReduceKind::kMin>("reduce_min"),
    MakeRow<ReduceKind::kProd>("reduce_prod"),
    MakeRow<ReduceKind::kL1>("reduce_l1_norm"),
    MakeRow<ReduceKind::kL2>("reduce_l2_norm"),
    MakeRow<ReduceKind::kLogSum>("reduce_log_sum"),
    MakeRow<ReduceKind::kLogSumExp>("reduce_log_sum_exp"),
    MakeRow<ReduceKind::kSumSquare>("reduce_sum_square"),
    MakeRow<ReduceKind::kArgMax>("reduce_argmax"),
    MakeRow<ReduceKind::kArgMin>("reduce_argmin"),
};

}  // namespace

std::span<const OpRow> ReduceRows() { return kRows; }

}  // namespace ane::engine
