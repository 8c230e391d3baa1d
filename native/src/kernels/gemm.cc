#include "kernels/gemm.h"

#include <algorithm>

#include "kernels/gemm_blocked.h"
#include "kernels/gemm_elements.h"
#include "kernels/matrix_vector.h"

namespace ane {
namespace {

// From this many terms on, a tile of sums is cheap to turn beside what it takes to form.
constexpr int64_t kTurnedTerms = 512;
constexpr int64_t kVisited = 16384;  // elements of whole rows worth a thread's while

// Whether out transposed = b transposed · a transposed suits the micro-kernel better. The larger operand, if its rows
// lie side by side, is best the second; else rows of out are best contiguous, but for a larger first operand that is read
// along K as it lies. Nothing here depends on the instruction set, because sums in fp32 are added to `out` in another
// order where they are turned.
bool BetterTransposed(const ConstMatrix& a, const ConstMatrix& b, const Matrix& out, bool accumulate) {
  const bool by_rows = out.col_stride == 1, by_columns = out.row_stride == 1;
  if (!by_rows && !by_columns) return out.cols > out.rows;
  const bool a_is_larger = out.rows >= out.cols;
  const ConstMatrix larger = a_is_larger ? a : Transposed(b);
  if (a.cols >= kTurnedTerms && larger.dtype == Dtype::kFp16) {
    if (larger.row_stride == 1) return a_is_larger;
    if (a_is_larger && a.col_stride == 1 && !accumulate) return false;
  }
  return !by_rows;
}

// Returns whether options.visit has had the rows.
bool Multiply(ThreadPool& pool, const ConstMatrix& a, const ConstMatrix& b, const Matrix& out,
              const GemmOptions& options) {
  const bool accumulate = options.accumulate;
  if (out.rows <= 0 || out.cols <= 0) return false;
  if (a.cols <= 0) {
    if (accumulate) return false;
    for (int64_t r = 0; r < out.rows; ++r) {
      for (int64_t c = 0; c < out.cols; ++c) Put(out, r, c, 0.0f, false);
    }
    return false;
  }
  const ConstMatrix at = Transposed(a), bt = Transposed(b);
  const Matrix out_t = Transposed(out);
  if (MultiplyFewColumns(pool, a, b, out, accumulate) || MultiplyFewColumns(pool, bt, at, out_t, accumulate)) {
    return false;
  }
  if (!BetterTransposed(a, b, out, accumulate)) return GemmBlocked(pool, a, b, out, options);
  GemmBlocked(pool, bt, at, out_t, {.accumulate = accumulate, .arithmetic = options.arithmetic});
  return false;
}

}  // namespace

void Gemm(ThreadPool& pool, const ConstMatrix& a, const ConstMatrix& b, const Matrix& out, const GemmOptions& options) {
  if (Multiply(pool, a, b, out, options) || !options.visit) return;
  pool.ParallelFor(out.rows, std::max<int64_t>(kVisited / std::max<int64_t>(out.cols, 1), 1), options.visit);
}

void GemmBatched(ThreadPool& pool, const ConstMatrix& a, const ConstMatrix& b, const Matrix& out,
                 const GemmBatch& batch, const GemmOptions& options) {
  const auto one = [&](int64_t i) {
    ConstMatrix ai = a, bi = b;
    Matrix oi = out;
    ai.data = At(a.data, a.dtype, i * batch.a_step);
    bi.data = At(b.data, b.dtype, i * batch.b_step);
    oi.data = At(out.data, out.dtype, i * batch.out_step);
    Gemm(pool, ai, bi, oi, options);
  };
  if (batch.count < pool.threads()) {
    for (int64_t i = 0; i < batch.count; ++i) one(i);
    return;
  }
  pool.ParallelFor(batch.count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) one(i);
  });
}

}  // namespace ane
