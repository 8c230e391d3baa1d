// scale_gradient and grad_norm: sums over gradients in a fixed order.
#include <algorithm>
#include <cmath>

#include "base/scratch.h"
#include "host/kernels.h"
#include "host/operands.h"
#include "kernels/vec.h"

namespace ane {
namespace {

Status CheckScaleGradient(const KernelOperands& operands) {
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
void RunScaleGradient(const KernelOperands& operands, const HostContext& context) {
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

constexpr int64_t kPiece = 65536;  // elements of a dense gradient summed by one thread at a time

// A dense gradient seen as rows of kPiece elements (the last one shorter); others are taken row by row.
bool Dense(const TensorView& grad) {
  return grad.dtype == Dtype::kFp32 && grad.col_stride == 1 && (grad.rows == 1 || grad.row_stride == grad.cols);
}
int64_t Pieces(const TensorView& grad) {
  return Dense(grad) ? (grad.rows * grad.cols + kPiece - 1) / kPiece : grad.rows;
}
double SumOfPiece(const TensorView& grad, int64_t piece) {
  const VecTable& vec = Vec();
  if (Dense(grad)) {
    const int64_t from = piece * kPiece;
    return vec.sum_squares(static_cast<const float*>(grad.data) + from, std::min(kPiece, grad.rows * grad.cols - from));
  }
  float buffer[kSegment];
  double sum = 0;
  for (int64_t c = 0; c < grad.cols; c += kSegment) {
    const int64_t n = std::min(kSegment, grad.cols - c);
    sum += vec.sum_squares(ReadSegment(grad, piece, c, n, buffer), n);
  }
  return sum;
}

Status CheckGradNorm(const KernelOperands& operands) {
  return CheckOperands("grad_norm", operands,
                       {{"grads", Types::kFloat, '*', '*', Presence::kMany}, {"out", Types::kFp64, 1, 1}}, {});
}

// out = sqrt of the sum of squares of all gradients, in fp64.
void RunGradNorm(const KernelOperands& operands, const HostContext& context) {
  const auto found = operands.views.find("grads");
  int64_t pieces = 0;
  if (found != operands.views.end()) {
    for (const TensorView& grad : found->second) pieces += Pieces(grad);
  }
  thread_local Scratch scratch;
  double* sums = scratch.Reserve<double>(pieces);
  context.pool.ParallelFor(pieces, 1, [&](int64_t begin, int64_t end) {
    int64_t first = 0;
    for (const TensorView& grad : found->second) {
      const int64_t count = Pieces(grad);
      for (int64_t i = std::max(begin, first); i < std::min(end, first + count); ++i)
        sums[i] = SumOfPiece(grad, i - first);
      first += count;
    }
  });
  double sum = 0;
  for (int64_t i = 0; i < pieces; ++i) sum += sums[i];
  *Element<double>(ViewOf(operands, "out"), 0, 0) = std::sqrt(sum);
}

}  // namespace

const HostKernel kScaleGradient = {"scale_gradient", CheckScaleGradient, RunScaleGradient};
const HostKernel kGradNorm = {"grad_norm", CheckGradNorm, RunGradNorm};

}  // namespace ane
