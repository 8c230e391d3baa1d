// scale_gradient: the gradient of a per-channel scale, summed in a fixed order.
#include <algorithm>

#include "host/kernels.h"
#include "host/operands.h"
#include "kernels/vec.h"

namespace ane {
namespace {

Status Check(const KernelOperands& operands) {
  Status status = CheckOperands(
      "scale_gradient", operands,
      {{"in", Types::kFloat, 'C', 'S'}, {"dout", Types::kFloat, 'C', 'S'}, {"dweight", Types::kFp32, 1, 'D'}},
      {{"accumulate", NumberKind::kFlag}});
  if (!status.ok()) return status;
  const int64_t C = ViewOf(operands, "in").rows, D = ViewOf(operands, "dweight").cols;
  if (D == 0 ? C != 0 : C % D != 0) {
    return InvalidArgument("Expected a multiple of " + std::to_string(D) + " rows for in of scale_gradient, got " +
                           std::to_string(C) + ".");
  }
  return {};
}

// dweight[c mod D] = or += Σ_s in[c, s] · dout[c, s], segments added in fp64.
void Run(const KernelOperands& operands, const HostContext& context) {
  const TensorView &in = ViewOf(operands, "in"), &dout = ViewOf(operands, "dout"),
                   &dweight = ViewOf(operands, "dweight");
  const bool accumulate = NumberOf(operands, "accumulate") == 1;
  const int64_t C = in.rows, S = in.cols, D = dweight.cols;
  if (D == 0) return;
  const VecTable& vec = Vec();
  context.pool.ParallelFor(D, std::max<int64_t>(16384 / std::max<int64_t>(C / D * S, 1), 1), [&](int64_t begin, int64_t end) {
    float buffer_x[kSegment], buffer_d[kSegment];
    for (int64_t d = begin; d < end; ++d) {
      double sum = 0;
      for (int64_t c = d; c < C; c += D) {
        for (int64_t s = 0; s < S; s += kSegment) {
          const int64_t n = std::min(kSegment, S - s);
          sum += vec.dot(ReadSegment(in, c, s, n, buffer_x), ReadSegment(dout, c, s, n, buffer_d), n);
        }
      }
      float* slot = Element<float>(dweight, 0, d);
      *slot = static_cast<float>(accumulate ? *slot + sum : sum);
    }
  });
}

}  // namespace

const HostKernel kScaleGradient = {"scale_gradient", Check, Run};

}  // namespace ane
