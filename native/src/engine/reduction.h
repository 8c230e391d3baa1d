// Reductions over axes of a view.
#pragma once

#include "engine/plan.h"
#include "engine/strided.h"

namespace ane::engine {

enum class ReduceKind {
  kSum,
  kMean,
  kMax,
  kMin,
  kProd,
  kL1,
  kL2,
  kLogSum,
  kLogSumExp,
  kSumSquare,
  kArgMax,
  kArgMin
};

// Works on fp16 and fp32 in single precision with a fixed order of additions, on other types in
// double precision.
class Reduction {
 public:
  // `out` has the rank of `x` with size 1 along reduced axes.
  Reduction(ReduceKind kind, const View& x, const View& out, const std::vector<bool>& reduced);
  const char* Run(const RunContext& context) const;

 private:
  void Rows(const RunContext& context, int64_t begin, int64_t end) const;
  void Columns(const RunContext& context, int64_t begin, int64_t end) const;
  void Scalars(const RunContext& context, int64_t begin, int64_t end) const;
  float Finish(float sum) const;

  ReduceKind kind_;
  View x_, out_;
  LoopNest kept_;     // strides of x, out
  LoopNest reduced_;  // strides of x
  int64_t kept_count_, reduced_count_;
  bool fast_, columns_;
};

}  // namespace ane::engine
