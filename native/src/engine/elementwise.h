// Element-wise operations: their scalar meaning and their block form.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/op_call.h"

namespace ane::engine {

enum class Elementwise : uint8_t {
  kNone,
  kAdd,
  kSub,
  kMul,
  kRealDiv,
  kFloorDiv,
  kMod,
  kPow,
  kMaximum,
  kMinimum,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kLogicalAnd,
  kLogicalOr,
  kLogicalXor,
  kAbs,
  kAcos,
  kAsin,
  kAtan,
  kAtanh,
  kCeil,
  kCos,
  kCosh,
  kErf,
  kExp,
  kExp2,
  kFloor,
  kRound,
  kSign,
  kSin,
  kSinh,
  kSqrt,
  kSquare,
  kTan,
  kRelu,
  kRelu6,
  kSigmoid,
  kSilu,
  kSoftplus,
  kSoftsign,
  kTanh,
  kLogicalNot,
  kRsqrt,
  kLog,
  kInverse,
  kGeluExact,
  kGeluTanh,
  kGeluSigmoid,
  kLeakyRelu,
  kElu,
  kClampedRelu,
  kThresholdedRelu,
  kLinearActivation,
  kScaledTanh,
  kSigmoidHard,
  kClip,
  kThreshold,
  kPrelu,
  kSoftplusParametric,
  kSelect,
  kCast,
};

// The constants of an operation: alpha and beta, or epsilon.
using ElementwiseConstants = std::array<double, 2>;

struct ElementwiseCall {
  Elementwise op;
  ElementwiseConstants constants;
};

// What a call computes; gelu and cast depend on their constants.
ElementwiseCall ReadElementwise(Elementwise op, const OpCall& call);
// Names of the tensor operands, in the order Apply takes them.
std::vector<std::string_view> ElementwiseOperands(Elementwise op);
// True when an fp16 result of fp16 operands needs no rounding.
bool KeepsFp16(Elementwise op);

// One element in double precision; unused operands are ignored.
double ApplyScalar(Elementwise op, double a, double b, double c,
                   const ElementwiseConstants& constants);
// n elements in single precision, each result rounded to fp16 where `round` says so; vectorised where
// the vector table has the operation. out may be an operand.
void ApplyBlock(const ElementwiseCall& call, bool round, float* out, const float* a, const float* b,
                const float* c, int64_t n);

}  // namespace ane::engine
