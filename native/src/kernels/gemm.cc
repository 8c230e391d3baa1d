#include "kernels/gemm.h"

#include <algorithm>

#include "base/scratch.h"
#include "kernels/gemm_blocked.h"
#include "kernels/gemm_elements.h"
#include "kernels/gemm_kernel.h"
#include "kernels/vec.h"

namespace ane {
namespace {

// Up to this many columns are multiplied as vectors, without packing the matrix.
constexpr int64_t kVectorColumns = 4;

// Rows of `a` are contiguous: out(r, c) is one dot product.
void MultiplyRows(ThreadPool& pool, const ConstMatrix& a, const float* columns, const Matrix& out, bool accumulate) {
  const VecTable& vec = Vec();
  const int64_t k = a.cols;
  pool.ParallelFor(out.rows, std::max<int64_t>(16384 / k, 1), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const void* row = At(a.data, a.dtype, r * a.row_stride);
      for (int64_t c = 0; c < out.cols; ++c) {
        const float* column = columns + c * k;
        const float sum = a.dtype == Dtype::kFp16 ? vec.dot_fp16(static_cast<const uint16_t*>(row), column, k)
                                                  : vec.dot(static_cast<const float*>(row), column, k);
        Put(out, r, c, sum, accumulate);
      }
    }
  });
}

// The processor foresees a walk along one column, but not the step to the next.
void Prefetch(const void* data, Dtype dtype, int64_t count) {
  const char* bytes = static_cast<const char*>(data);
  for (int64_t i = 0; i < count * static_cast<int64_t>(SizeOf(dtype)); i += 64) __builtin_prefetch(bytes + i, 0, 2);
}

// Columns of `a` are contiguous: out(:, c) is a sum of scaled columns. It is formed for kRows rows and kDepth columns
// at a time, each part from zero, and the parts are added in their order.
void MultiplyColumns(ThreadPool& pool, const ConstMatrix& a, const float* columns, const Matrix& out, bool accumulate) {
  constexpr int64_t kRows = 1024, kDepth = 128, kAhead = 2;
  const VecTable& vec = Vec();
  const int64_t m = out.rows, k = a.cols, blocks = CeilDivide(m, kRows), parts = CeilDivide(k, kDepth);
  thread_local Scratch scratch;
  float* sums = scratch.Reserve<float>(parts * out.cols * m);  // [part][column][row]
  pool.ParallelFor(parts * blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t part = i / blocks, first = i % blocks * kRows, count = std::min(kRows, m - first);
      float* own = sums + part * out.cols * m + first;
      for (int64_t c = 0; c < out.cols; ++c) std::fill_n(own + c * m, count, 0.0f);
      for (int64_t d = part * kDepth; d < std::min(k, (part + 1) * kDepth); ++d) {
        const void* piece = At(a.data, a.dtype, first + d * a.col_stride);
        if (d + kAhead < k) Prefetch(At(a.data, a.dtype, first + (d + kAhead) * a.col_stride), a.dtype, count);
        for (int64_t c = 0; c < out.cols; ++c) {
          const float scale = columns[c * k + d];
          if (a.dtype == Dtype::kFp16) {
            vec.axpy_fp16(own + c * m, scale, static_cast<const uint16_t*>(piece), count);
          } else {
            vec.axpy(own + c * m, scale, static_cast<const float*>(piece), count);
          }
        }
      }
    }
  });
  pool.ParallelFor(m, std::max<int64_t>(16384 / (parts * out.cols), 16), [&](int64_t begin, int64_t end) {
    for (int64_t part = 1; part < parts; ++part) {
      for (int64_t c = 0; c < out.cols; ++c) {
        float* total = sums + c * m + begin;
        vec.add(total, total, total + part * out.cols * m, end - begin);
      }
    }
    for (int64_t r = begin; r < end; ++r) {
      for (int64_t c = 0; c < out.cols; ++c) Put(out, r, c, sums[c * m + r], accumulate);
    }
  });
}

bool FewColumns(ThreadPool& pool, const ConstMatrix& a, const ConstMatrix& b, const Matrix& out, bool accumulate) {
  if (out.cols > kVectorColumns || (a.col_stride != 1 && a.row_stride != 1)) return false;
  thread_local Scratch scratch;
  const int64_t k = a.cols;
  float* columns = scratch.Reserve<float>(k * out.cols);
  for (int64_t c = 0; c < out.cols; ++c) {
    for (int64_t i = 0; i < k; ++i) columns[c * k + i] = Element(b, i, c);
  }
  a.col_stride == 1 ? MultiplyRows(pool, a, columns, out, accumulate)
                    : MultiplyColumns(pool, a, columns, out, accumulate);
  return true;
}

// Whether out transposed = b transposed · a transposed suits the micro-kernel better.
bool BetterTransposed(const Matrix& out) {
  const GemmMicrokernel& kernel = *Vec().gemm;
  const auto padded = [&](int64_t m, int64_t n) {
    return CeilDivide(m, kernel.rows) * kernel.rows * CeilDivide(n, kernel.columns) * kernel.columns;
  };
  const bool by_rows = out.col_stride == 1, by_columns = out.row_stride == 1;
  if (by_rows != by_columns) return by_columns;
  return padded(out.cols, out.rows) < padded(out.rows, out.cols);
}

}  // namespace

void Gemm(ThreadPool& pool, const ConstMatrix& a, const ConstMatrix& b, const Matrix& out, const GemmOptions& options) {
  const bool accumulate = options.accumulate;
  if (out.rows <= 0 || out.cols <= 0) return;
  if (a.cols <= 0) {
    if (accumulate) return;
    for (int64_t r = 0; r < out.rows; ++r) {
      for (int64_t c = 0; c < out.cols; ++c) Put(out, r, c, 0.0f, false);
    }
    return;
  }
  const ConstMatrix at = Transposed(a), bt = Transposed(b);
  const Matrix out_t = Transposed(out);
  if (FewColumns(pool, a, b, out, accumulate) || FewColumns(pool, bt, at, out_t, accumulate)) return;
  if (BetterTransposed(out)) {
    GemmBlocked(pool, bt, at, out_t, options);
  } else {
    GemmBlocked(pool, a, b, out, options);
  }
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
