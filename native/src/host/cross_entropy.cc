// cross_entropy: loss of S rows of V logits against one target each, and its gradient in place.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/scratch.h"
#include "host/kernels.h"
#include "host/operands.h"
#include "kernels/vec.h"

namespace ane {
namespace {

Status Check(const KernelOperands& operands) {
  return CheckOperands("cross_entropy", operands,
                       {{"logits", Types::kFp32, 'S', 'V', Presence::kOne, true},
                        {"targets", Types::kInt32, 1, 'S'},
                        {"loss", Types::kFp64, 1, 2},
                        {"scale", Types::kFp64, 1, 1}},
                       {{"backward", NumberKind::kFlag}});
}

// log Σ e^logit − logit[target]; with `factor` the row becomes (softmax − one at the target) · factor. A target outside
// the row makes the loss and the row NaN.
double Row(float* row, int64_t V, int64_t target, const double* factor) {
  const VecTable& vec = Vec();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  if (target >= V) {
    if (factor != nullptr) std::fill_n(row, V, nan);
    return nan;
  }
  const float largest = vec.reduce_max(row, V);
  const double at_target = row[target];
  double sum = 0;
  float buffer[kSegment];
  for (int64_t c = 0; c < V; c += kSegment) {
    const int64_t n = std::min(kSegment, V - c);
    float* exponentials = factor != nullptr ? row + c : buffer;
    vec.add_scalar(exponentials, row + c, -largest, n);
    vec.exp(exponentials, exponentials, n);
    sum += vec.reduce_sum(exponentials, n);
  }
  if (factor != nullptr) {
    const float probability = static_cast<float>(std::exp(at_target - largest) / sum * *factor - *factor);
    vec.mul_scalar(row, row, static_cast<float>(*factor / sum), V);
    row[target] = probability;
  }
  return std::log(sum) + (largest - at_target);
}

// loss = [sum of losses, count of targets >= 0]; the sum runs in fp64 in the order of the rows.
void Run(const KernelOperands& operands, const HostContext& context) {
  const TensorView &logits = ViewOf(operands, "logits"), &targets = ViewOf(operands, "targets");
  const TensorView &loss = ViewOf(operands, "loss"), &scale = ViewOf(operands, "scale");
  const bool backward = NumberOf(operands, "backward") == 1;
  const int64_t S = logits.rows, V = logits.cols;
  int64_t count = 0;
  for (int64_t s = 0; s < S; ++s) count += *Element<int32_t>(targets, 0, s) >= 0 ? 1 : 0;
  const double factor = *Element<double>(scale, 0, 0) / static_cast<double>(count);

  thread_local Scratch scratch;
  double* losses = scratch.Reserve<double>(S);
  context.pool.ParallelFor(S, 1, [&](int64_t begin, int64_t end) {
    for (int64_t s = begin; s < end; ++s) {
      float* row = Element<float>(logits, s, 0);
      const int64_t target = *Element<int32_t>(targets, 0, s);
      losses[s] = 0;
      if (target >= 0) {
        losses[s] = Row(row, V, target, backward ? &factor : nullptr);
      } else if (backward) {
        std::fill_n(row, V, 0.0f);
      }
    }
  });
  double sum = 0;
  for (int64_t s = 0; s < S; ++s) sum += losses[s];
  *Element<double>(loss, 0, 0) = sum;
  *Element<double>(loss, 0, 1) = static_cast<double>(count);
}

}  // namespace

const HostKernel kCrossEntropy = {"cross_entropy", Check, Run};

}  // namespace ane
