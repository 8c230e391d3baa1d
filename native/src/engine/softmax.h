// Softmax along one axis.
#pragma once

#include "engine/plan.h"
#include "engine/strided.h"

namespace ane::engine {

// fp16 or fp32; single precision inside, one rounding at the end. x and out may be the same view.
class Softmax {
 public:
  Softmax(const View& x, const View& out, int axis);
  void Run(const RunContext& context) const;

 private:
  void Rows(const RunContext& context, int64_t begin, int64_t end) const;
  void LongRow(const RunContext& context, int64_t from, int64_t to) const;
  void Columns(const RunContext& context, int64_t begin, int64_t end) const;

  View x_, out_;
  LoopNest kept_;  // strides of x, out
  int64_t length_, x_step_, out_step_, kept_count_;
  bool columns_;
};

}  // namespace ane::engine
