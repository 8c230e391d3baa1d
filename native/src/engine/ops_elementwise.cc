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

constexpr OpRow kRows[] = {
    {"add", "x y", Binary, E::kAdd},
    {"sub", "x y", Binary, E::kSub},
    {"mul", "x y", Binary, E::kMul},
    {"real_div", "x y", Binary, E::kRealDiv},
    {"floor_div", "x y", Binary, E::kFloorDiv},
    {"mod", "x y", Binary, E::kMod},
    {"pow", "x y", Binary, E::kPow},
    {"maximum", "x y", Binary, E::kMaximum},
    {"minimum", "x y", Binary, E::kMinimum},
    {"equal", "x y", Comparison, E::kEqual},
    {"not_equal", "x y", Comparison, E::kNotEqual},
    {"less", "x y", Comparison, E::kLess},
    {"less_equal", "x y", Comparison, E::kLessEqual},
    {"greater", "x y", Comparison, E::kGreater},
    {"greater_equal", "x y", Comparison, E::kGreaterEqual},
    {"logical_and", "x y", Comparison, E::kLogicalAnd},
    {"logical_or", "x y", Comparison, E::kLogicalOr},
    {"logical_xor", "x y", Comparison, E::kLogicalXor},
    {"logical_not", "x", Logical, E::kLogicalNot},
    {"abs", "x", Unary, E::kAbs},
    {"acos", "x", Unary, E::kAcos},
    {"asin", "x", Unary, E::kAsin},
    {"atan", "x", Unary, E::kAtan},
    {"atanh", "x", Unary, E::kAtanh},
    {"ceil", "x", Unary, E::kCeil},
    {"cos", "x", Unary, E::kCos},
    {"cosh", "x", Unary, E::kCosh},
    {"erf", "x", Unary, E::kErf},
    {"exp", "x", Unary, E::kExp},
    {"exp2", "x", Unary, E::kExp2},
    {"floor", "x", Unary, E::kFloor},
    {"round", "x", Unary, E::kRound},
    {"sign", "x", Unary, E::kSign},
    {"sin", "x", Unary, E::kSin},
    {"sinh", "x", Unary, E::kSinh},
    {"sqrt", "x", Unary, E::kSqrt},
    {"square", "x", Unary, E::kSquare},
    {"tan", "x", Unary, E::kTan},
    {"relu", "x", Unary, E::kRelu},
    {"relu6", "x", Unary, E::kRelu6},
    {"sigmoid", "x", Unary, E::kSigmoid},
    {"silu", "x", Unary, E::kSilu},
    {"softplus", "x", Unary, E::kSoftplus},
    {"softsign", "x", Unary, E::kSoftsign},
    {"tanh", "x", Unary, E::kTanh},
    {"rsqrt", "x epsilon?", Unary, E::kRsqrt},
    {"log", "x epsilon?", Unary, E::kLog},
    {"inverse", "x epsilon?", Unary, E::kInverse},
    {"gelu", "x mode?", Unary, E::kGeluExact},
    {"leaky_relu", "x alpha", Unary, E::kLeakyRelu},
    {"elu", "x alpha", Unary, E::kElu},
    {"clamped_relu", "x alpha beta", Unary, E::kClampedRelu},
    {"thresholded_relu", "x alpha", Unary, E::kThresholdedRelu},
    {"linear_activation", "x alpha beta", Unary, E::kLinearActivation},
    {"scaled_tanh", "x alpha beta", Unary, E::kScaledTanh},
    {"sigmoid_hard", "x alpha beta", Unary, E::kSigmoidHard},
    {"clip", "x alpha beta", Unary, E::kClip},
    {"threshold", "x alpha", Unary, E::kThreshold},
    {"prelu", "x alpha", PerChannel, E::kPrelu},
    {"softplus_parametric", "x alpha beta", PerChannel, E::kSoftplusParametric},
    {"select", "cond a b", Select, E::kSelect},
    {"cast", "x dtype", Cast, E::kCast},
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
