// row_squares and grad_norm: the L2 norm of gradients from the sums of squares of their rows.
#include "host/gradient_norm.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "host/kernels.h"
#include "host/matrices.h"
#include "host/operands.h"
#include "kernels/vec.h"

namespace ane {
namespace {

constexpr int64_t kElements = 16384;  // summed by a thread at a time, at least
constexpr int64_t kShares = 64;       // of rows by index, so that rows of one index go to one thread

double SquaresOfRow(const TensorView& in, int64_t r) {
  const VecTable& vec = Vec();
  if (in.dtype == Dtype::kFp32 && in.col_stride == 1) return vec.sum_squares(Element<float>(in, r, 0), in.cols);
  float buffer[kSegment];
  double sum = 0;
  for (int64_t c = 0; c < in.cols; c += kSegment) {
    const int64_t n = std::min(kSegment, in.cols - c);
    sum += vec.sum_squares(ReadSegment(in, r, c, n, buffer), n);
  }
  return sum;
}

// squares [1, R] of rows [begin, end) of `in` [R, C].
void SquaresOfRows(const TensorView& in, const TensorView& squares, int64_t begin, int64_t end) {
  for (int64_t r = begin; r < end; ++r) *Element<double>(squares, 0, r) = SquaresOfRow(in, r);
}

Status CheckRowSquares(const KernelOperands& operands) {
  return CheckOperands("row_squares", operands,
                       {{"in", Types::kFloat, 'R', 'C'},
                        {"ids", Types::kInt32, 1, '*', Presence::kOptional},
                        {"squares", Types::kFp64, 1, 'R'}},
                       {});
}

// squares [1, R] of the rows in `ids`, or of all rows.
void RunRowSquares(const KernelOperands& operands, const HostContext& context) {
  const TensorView &in = ViewOf(operands, "in"), &squares = ViewOf(operands, "squares");
  const TensorView* ids = OptionalView(operands, "ids");
  if (ids == nullptr) {
    context.pool.ParallelFor(in.rows, std::max<int64_t>(kElements / std::max<int64_t>(in.cols, 1), 1),
                             [&](int64_t begin, int64_t end) { SquaresOfRows(in, squares, begin, end); });
    return;
  }
  context.pool.ParallelFor(kShares, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = 0; i < ids->cols; ++i) {
      const int64_t id = *Element<int32_t>(*ids, 0, i), share = id % kShares;
      if (id < 0 || id >= in.rows || share < begin || share >= end) continue;
      *Element<double>(squares, 0, id) = SquaresOfRow(in, id);
    }
  });
}

Status CheckGradNorm(const KernelOperands& operands) {
  return CheckOperands("grad_norm", operands,
                       {{"squares", Types::kFp64, '*', '*', Presence::kMany}, {"out", Types::kFp64, 1, 1}}, {});
}

// out = sqrt of the sum of all `squares`.
void RunGradNorm(const KernelOperands& operands, const HostContext&) {
  double sum = 0;
  if (const auto found = operands.views.find("squares"); found != operands.views.end()) {
    for (const TensorView& squares : found->second) {
      for (int64_t r = 0; r < squares.rows; ++r) {
        for (int64_t c = 0; c < squares.cols; ++c) sum += *Element<double>(squares, r, c);
      }
    }
  }
  *Element<double>(ViewOf(operands, "out"), 0, 0) = std::sqrt(sum);
}

}  // namespace

void GemmAndSquares(ThreadPool& pool, const ConstMatrix& a, const ConstMatrix& b, const TensorView& out,
                    const TensorView* squares, bool accumulate, Arithmetic arithmetic) {
  const auto visit = [&](int64_t begin, int64_t end) { SquaresOfRows(out, *squares, begin, end); };
  GemmOptions options{.accumulate = accumulate, .arithmetic = arithmetic};
  if (squares != nullptr) options.visit = std::ref(visit);
  Gemm(pool, a, b, Writable(out), options);
}

const HostKernel kRowSquares = {"row_squares", CheckRowSquares, RunRowSquares};
const HostKernel kGradNorm = {"grad_norm", CheckGradNorm, RunGradNorm};

}  // namespace ane
