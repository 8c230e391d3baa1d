// Rows of element-wise operations.
#include <algorithm>

#include "engine/broadcast.h"
#include "engine/op_row.h"
#include "engine/scalar.h"

namespace ane::engine {
namespace {

using Types = std::vector<TensorType>;
using E = Elementwise;

Types Unary(const OpCall& call) { return {call.Type("x")}; }

Types Logical(const OpCall& call) {
  call.Check(call.Type("x").dtype == Dtype::kBool, "x", "bool", DtypeName(call.Type("x").dtype));
  return {call.Type("x")};
}

Types Binary(const OpCall& call) {
  const TensorType &x = call.Type("x"), &y = call.Type("y");
  call.Check(x.dtype == y.dtype, "y", std::string("the type of x, ") + DtypeName(x.dtype),
             DtypeName(y.dtype));
  return {{x.dtype, 0, BroadcastShapes(call, "y", x.shape, y.shape)}};
}

Types Comparison(const OpCall& call) { return {{Dtype::kBool, 0, Binary(call)[0].shape}}; }

Types Select(const OpCall& call) {
  const TensorType &a = call.Type("a"), &b = call.Type("b"), &cond = call.Type("cond");
  call.Check(a.dtype == b.dtype, "b", std::string("the type of a, ") + DtypeName(a.dtype),
             DtypeName(b.dtype));
  call.Check(cond.dtype == Dtype::kBool, "cond", "bool", DtypeName(cond.dtype));
  return {
      {a.dtype, 0,
       BroadcastShapes(call, "cond", BroadcastShapes(call, "b", a.shape, b.shape), cond.shape)}};
}

Types PerChannel(const OpCall& call) {
  const Shape& x = call.ShapeOf("x");
  for (std::string_view name : {"alpha", "beta"}) {
    if (!call.Has(name)) continue;
    const Shape& alpha = call.ShapeOf(name);
    call.Check(x.size() >= 2 && alpha.size() == 1 && (alpha[0] == x[1] || alpha[0] == 1), name,
               "one number per channel", ShapeText(alpha));
  }
  return {call.Type("x")};
}

Types Cast(const OpCall& call) {
  const std::string name = call.Text("dtype", "");
  for (Dtype dtype : {Dtype::kFp16, Dtype::kFp32, Dtype::kInt32, Dtype::kBool, Dtype::kInt8,
                      Dtype::kUint8, Dtype::kInt16, Dtype::kUint16, Dtype::kUint32}) {
    if (name == DtypeName(dtype)) return {{dtype, 0, call.ShapeOf("x")}};
  }
  call.Fail("dtype", "Expected a type for dtype of cast, got '" + name + "'.");
}

constexpr OpRow MakeRow(const char* name, const char* operands, Types (*infer)(const OpCall&),
                        E op) {
  OpRow row{name, operands, infer};
  row.elementwise = op;
  return row;
}

constexpr OpRow kRows[] = {
    MakeRow("add", "x y", Binary, E::kAdd),
    MakeRow("sub", "x y", Binary, E::kSub),
    MakeRow("mul", "x y", Binary, E::kMul),
    MakeRow("real_div", "x y", Binary, E::kRealDiv),
    MakeRow("floor_div", "x y", Binary, E::kFloorDiv),
    MakeRow("mod", "x y", Binary, E::kMod),
    MakeRow("pow", "x y", Binary, E::kPow),
    MakeRow("maximum", "x y", Binary, E::kMaximum),
    MakeRow("minimum", "x y", Binary, E::kMinimum),
    MakeRow("equal", "x y", Comparison, E::kEqual),
    MakeRow("not_equal", "x y", Comparison, E::kNotEqual),
    MakeRow("less", "x y", Comparison, E::kLess),
    MakeRow("less_equal", "x y", Comparison, E::kLessEqual),
    MakeRow("greater", "x y", Comparison, E::kGreater),
    MakeRow("greater_equal", "x y", Comparison, E::kGreaterEqual),
    MakeRow("logical_and", "x y", Comparison, E::kLogicalAnd),
    MakeRow("logical_or", "x y", Comparison, E::kLogicalOr),
    MakeRow("logical_xor", "x y", Comparison, E::kLogicalXor),
    MakeRow("logical_not", "x", Logical, E::kLogicalNot),
    MakeRow("abs", "x", Unary, E::kAbs),
    MakeRow("acos", "x", Unary, E::kAcos),
    MakeRow("asin", "x", Unary, E::kAsin),
    MakeRow("atan", "x", Unary, E::kAtan),
    MakeRow("atanh", "x", Unary, E::kAtanh),
    MakeRow("ceil", "x", Unary, E::kCeil),
    MakeRow("cos", "x", Unary, E::kCos),
    MakeRow("cosh", "x", Unary, E::kCosh),
    MakeRow("erf", "x", Unary, E::kErf),
    MakeRow("exp", "x", Unary, E::kExp),
    MakeRow("exp2", "x", Unary, E::kExp2),
    MakeRow("floor", "x", Unary, E::kFloor),
    MakeRow("round", "x", Unary, E::kRound),
    MakeRow("sign", "x", Unary, E::kSign),
    MakeRow("sin", "x", Unary, E::kSin),
    MakeRow("sinh", "x", Unary, E::kSinh),
    MakeRow("sqrt", "x", Unary, E::kSqrt),
    MakeRow("square", "x", Unary, E::kSquare),
    MakeRow("tan", "x", Unary, E::kTan),
    MakeRow("relu", "x", Unary, E::kRelu),
    MakeRow("relu6", "x", Unary, E::kRelu6),
    MakeRow("sigmoid", "x", Unary, E::kSigmoid),
    MakeRow("silu", "x", Unary, E::kSilu),
    MakeRow("softplus", "x", Unary, E::kSoftplus),
    MakeRow("softsign", "x", Unary, E::kSoftsign),
    MakeRow("tanh", "x", Unary, E::kTanh),
    MakeRow("rsqrt", "x epsilon?", Unary, E::kRsqrt),
    MakeRow("log", "x epsilon?", Unary, E::kLog),
    MakeRow("inverse", "x epsilon?", Unary, E::kInverse),
    MakeRow("gelu", "x mode?", Unary, E::kGeluExact),
    MakeRow("leaky_relu", "x alpha", Unary, E::kLeakyRelu),
    MakeRow("elu", "x alpha", Unary, E::kElu),
    MakeRow("clamped_relu", "x alpha beta", Unary, E::kClampedRelu),
    MakeRow("thresholded_relu", "x alpha", Unary, E::kThresholdedRelu),
    MakeRow("linear_activation", "x alpha beta", Unary, E::kLinearActivation),
    MakeRow("scaled_tanh", "x alpha beta", Unary, E::kScaledTanh),
    MakeRow("sigmoid_hard", "x alpha beta", Unary, E::kSigmoidHard),
    MakeRow("clip", "x alpha beta", Unary, E::kClip),
    MakeRow("threshold", "x alpha", Unary, E::kThreshold),
    MakeRow("prelu", "x alpha", PerChannel, E::kPrelu),
    MakeRow("softplus_parametric", "x alpha beta", PerChannel, E::kSoftplusParametric),
    MakeRow("select", "cond a b", Select, E::kSelect),
    MakeRow("cast", "x dtype", Cast, E::kCast),
};

}  // namespace

std::span<const OpRow> ElementwiseRows() { return kRows; }

Shape BroadcastShapes(const OpCall& call, std::string_view name, const Shape& a, const Shape& b) {
  Shape out(std::max(a.size(), b.size()), 1);
  for (size_t i = 0; i < out.size(); ++i) {
    const int64_t da = i < a.size() ? a[a.size() - 1 - i] : 1,
                  db = i < b.size() ? b[b.size() - 1 - i] : 1;
    call.Check(da == db || da == 1 || db == 1, name, "a shape that broadcasts with " + ShapeText(a),
               ShapeText(b));
    out[out.size() - 1 - i] = da == 1 ? db : da;
  }
  return out;
}

}  // namespace ane::engine
