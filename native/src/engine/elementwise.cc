#include "engine/elementwise.h"

#include <algorithm>
#include <cmath>

#include "engine/scalar.h"
#include "kernels/vec.h"

namespace ane::engine {
namespace {

using E = Elementwise;

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double Softplus(double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }

double Gelu(E op, double x) {
  constexpr double kRootHalf = 0.70710678118654752440, kRootTwoOverPi = 0.79788456080286535588;
  if (op == E::kGeluExact) return x / 2 * (1 + std::erf(x * kRootHalf));
  if (op == E::kGeluTanh)
    return x / 2 * (1 + std::tanh(kRootTwoOverPi * (x + 0.044715 * x * x * x)));
  return x * Sigmoid(1.702 * x);
}

double Modulo(double a, double b) {
  const double r = std::fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

// pow(x, y) where y is -1/2 and x is positive, as every RMS norm has it.
bool PowIsRsqrt(float a, float b) { return a > 0 && b == -0.5f; }
bool PowIsRsqrt(const float* a, const float* b, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    if (!PowIsRsqrt(a[i], b[i])) return false;
  }
  return true;
}

// The same number whatever else is in its block.
float Pow(float a, float b) {
  if (PowIsRsqrt(a, b)) return 1.0f / std::sqrt(a);
  return b == 2 ? a * a : float(std::pow(double(a), double(b)));
}

}  // namespace

ElementwiseCall ReadElementwise(E op, const OpCall& call) {
  ElementwiseCall out{op, {0, 0}};
  const auto epsilon = [&](double otherwise) {
    // A default is a number of the operand's type: 1e-12 is 0 in fp16.
    const bool half = call.Type("x").dtype == Dtype::kFp16;
    return call.Number("epsilon",
                       half ? Fp16ToFp32(Fp16FromDouble(otherwise)) : double(float(otherwise)));
  };
  switch (op) {
    case E::kRsqrt: out.constants[0] = epsilon(1e-12); break;
    case E::kLog: out.constants[0] = epsilon(1e-45); break;
    case E::kInverse: out.constants[0] = epsilon(1e-4); break;
    case E::kGeluExact: {
      const std::string mode = call.Text("mode", "EXACT");
      if (mode == "TANH_APPROXIMATION") out.op = E::kGeluTanh;
      if (mode == "SIGMOID_APPROXIMATION") out.op = E::kGeluSigmoid;
      call.Check(out.op != E::kGeluExact || mode == "EXACT", "mode", "a gelu mode", mode);
      break;
    }
    case E::kLeakyRelu:
    case E::kElu:
    case E::kThresholdedRelu:
    case E::kThreshold: out.constants[0] = call.Number("alpha"); break;
    case E::kClampedRelu:
    case E::kLinearActivation:
    case E::kScaledTanh:
    case E::kSigmoidHard:
    case E::kClip: out.constants = {call.Number("alpha"), call.Number("beta")}; break;
    case E::kCast: out.constants[0] = call.TypeOf(call.Result()).dtype == Dtype::kBool; break;
    default: break;
  }
  return out;
}

std::vector<std::string_view> ElementwiseOperands(E op) {
  if (op >= E::kAdd && op <= E::kLogicalXor) return {"x", "y"};
  if (op == E::kPrelu) return {"x", "alpha"};
  if (op == E::kSoftplusParametric) return {"x", "alpha", "beta"};
  if (op == E::kSelect) return {"cond", "a", "b"};
  return {"x"};
}

bool KeepsFp16(E op) {
  switch (op) {
    case E::kMaximum:
    case E::kMinimum:
    case E::kAbs:
    case E::kCeil:
    case E::kFloor:
    case E::kRound:
    case E::kSign:
    case E::kRelu:
    case E::kRelu6:
    case E::kClip:
    case E::kThreshold:
    case E::kThresholdedRelu:
    case E::kSelect: return true;
    default: return op >= E::kEqual && op <= E::kLogicalXor;
  }
}

double Extreme(double a, double b, bool first) { return a != a || b != b ? NAN : first ? a : b; }

// NaN if either is; +0 is larger than -0.
double Larger(double a, double b) { return Extreme(a, b, a > b || (a == b && std::signbit(b))); }
double Smaller(double a, double b) { return Extreme(a, b, a < b || (a == b && std::signbit(a))); }

double ApplyScalar(E op, double a, double b, double c, const ElementwiseConstants& k) {
  switch (op) {
    case E::kNone: return a;
    case E::kAdd: return a + b;
    case E::kSub: return a - b;
    case E::kMul: return a * b;
    case E::kRealDiv: return a / b;
    case E::kFloorDiv: return std::floor(a / b);
    case E::kMod: return Modulo(a, b);
    case E::kPow: return std::pow(a, b);
    case E::kMaximum: return Larger(a, b);
    case E::kMinimum: return Smaller(a, b);
    case E::kEqual: return a == b;
    case E::kNotEqual: return a != b;
    case E::kLess: return a < b;
    case E::kLessEqual: return a <= b;
    case E::kGreater: return a > b;
    case E::kGreaterEqual: return a >= b;
    case E::kLogicalAnd: return a != 0 && b != 0;
    case E::kLogicalOr: return a != 0 || b != 0;
    case E::kLogicalXor: return (a != 0) != (b != 0);
    case E::kAbs: return std::fabs(a);
    case E::kAcos: return std::acos(a);
    case E::kAsin: return std::asin(a);
    case E::kAtan: return std::atan(a);
    case E::kAtanh: return std::atanh(a);
    case E::kCeil: return std::ceil(a);
    case E::kCos: return std::cos(a);
    case E::kCosh: return std::cosh(a);
    case E::kErf: return std::erf(a);
    case E::kExp: return std::exp(a);
    case E::kExp2: return std::exp2(a);
    case E::kFloor: return std::floor(a);
    case E::kRound: return std::nearbyint(a);
    case E::kSign: return a != a ? a : double((a > 0) - (a < 0));
    case E::kSin: return std::sin(a);
    case E::kSinh: return std::sinh(a);
    case E::kSqrt: return std::sqrt(a);
    case E::kSquare: return a * a;
    case E::kTan: return std::tan(a);
    case E::kRelu: return Larger(a, 0);
    case E::kRelu6: return Smaller(Larger(a, 0), 6);
    case E::kSigmoid: return Sigmoid(a);
    case E::kSilu: return a == -INFINITY ? -0.0 : a * Sigmoid(a);
    case E::kSoftplus: return Softplus(a);
    case E::kSoftsign: return a / (1 + std::fabs(a));
    case E::kTanh: return std::tanh(a);
    case E::kLogicalNot: return a == 0;
    case E::kRsqrt: return 1 / std::sqrt(a + k[0]);
    case E::kLog: return std::log(a + k[0]);
    case E::kInverse: return 1 / (a + k[0]);
    case E::kGeluExact:
    case E::kGeluTanh:
    case E::kGeluSigmoid: return Gelu(op, a);
    case E::kLeakyRelu: return a < 0 ? k[0] * a : a;
    case E::kElu: return a < 0 ? k[0] * std::expm1(a) : a;
    case E::kClampedRelu: return Smaller(k[1], a < 0 ? k[0] * a : a);
    case E::kThresholdedRelu: return a >= k[0] || a != a ? a : 0;
    case E::kLinearActivation: return k[0] * a + k[1];
    case E::kScaledTanh: return k[0] * std::tanh(k[1] * a);
    case E::kSigmoidHard: return Smaller(Larger(k[0] * a + k[1], 0), 1);
    case E::kClip: return Smaller(Larger(a, k[0]), k[1]);
    case E::kThreshold: return Larger(a, k[0]);
    case E::kPrelu: return a < 0 ? b * a : a;
    case E::kSoftplusParametric: return b * Softplus(c * a);
    case E::kSelect: return a != 0 ? b : c;
    case E::kCast: return k[0] != 0 ? double(a != 0) : a;
  }
  return a;
}

void ApplyBlock(const ElementwiseCall& call, bool round, float* out, const float* a, const float* b,
                const float* c, int64_t n) {
  const VecElementwise& vec = round ? Vec().rounded : Vec();
  const float alpha = float(call.constants[0]), beta = float(call.constants[1]);
  const auto loop = [&](auto f) {
    for (int64_t i = 0; i < n; ++i) out[i] = f(i);
    if (round) Vec().round_fp16(out, n);
  };
  switch (call.op) {
    case E::kAdd: return vec.add(out, a, b, n);
    case E::kSub: return vec.sub(out, a, b, n);
    case E::kMul: return vec.mul(out, a, b, n);
    case E::kRealDiv: return vec.div(out, a, b, n);
    case E::kMaximum: return vec.maximum(out, a, b, n);
    case E::kMinimum: return vec.minimum(out, a, b, n);
    case E::kPow:
      if (PowIsRsqrt(a, b, n)) return vec.rsqrt(out, a, n);
      return loop([&](int64_t i) { return Pow(a[i], b[i]); });
    case E::kSquare: return vec.mul(out, a, a, n);
    case E::kAbs: return vec.abs(out, a, n);
    case E::kExp: return vec.exp(out, a, n);
    case E::kSigmoid: return vec.sigmoid(out, a, n);
    case E::kTanh: return vec.tanh(out, a, n);
    case E::kSilu: return vec.silu(out, a, n);
    case E::kSqrt: return vec.sqrt(out, a, n);
    case E::kRelu: return vec.relu(out, a, n);
    case E::kRsqrt:
      // An epsilon of 0 is added too: the root of -0 is -0, of -0 + 0 it is +0.
      Vec().add_scalar(out, a, alpha, n);
      return vec.rsqrt(out, out, n);
    case E::kInverse: return loop([&](int64_t i) { return 1 / (a[i] + alpha); });
    case E::kLess: return loop([&](int64_t i) { return float(a[i] < b[i]); });
    case E::kGreater: return loop([&](int64_t i) { return float(a[i] > b[i]); });
    case E::kEqual: return loop([&](int64_t i) { return float(a[i] == b[i]); });
    case E::kGreaterEqual: return loop([&](int64_t i) { return float(a[i] >= b[i]); });
    case E::kSelect: return loop([&](int64_t i) { return a[i] != 0 ? b[i] : c[i]; });
    case E::kLinearActivation: return loop([&](int64_t i) { return alpha * a[i] + beta; });
    case E::kCast:
      if (call.constants[0] != 0) return loop([&](int64_t i) { return float(a[i] != 0); });
      return loop([&](int64_t i) { return a[i]; });
    default: break;
  }
  loop([&](int64_t i) {
    return float(ApplyScalar(call.op, a[i], b == nullptr ? 0 : b[i], c == nullptr ? 0 : c[i],
                             call.constants));
  });
}

}  // namespace ane::engine
