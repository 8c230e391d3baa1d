// Blocked matrix product over strided fp16 or fp32 views, accumulating in fp32.
#pragma once

#include <cstdint>
#include <functional>

#include "base/dtype.h"
#include "base/thread_pool.h"

namespace ane {

// Element (r, c) is at data + (r * row_stride + c * col_stride) elements. Strides may be 0 (broadcast).
struct ConstMatrix {
  const void* data;
  Dtype dtype;  // kFp16 or kFp32
  int64_t rows, cols, row_stride, col_stride;
};
struct Matrix {
  void* data;
  Dtype dtype;  // kFp16 (rounded to nearest even once, after the whole sum) or kFp32
  int64_t rows, cols, row_stride, col_stride;
};

inline ConstMatrix Transposed(const ConstMatrix& m) {
  return {m.data, m.dtype, m.cols, m.rows, m.col_stride, m.row_stride};
}
inline Matrix Transposed(const Matrix& m) { return {m.data, m.dtype, m.cols, m.rows, m.col_stride, m.row_stride}; }

// In what numbers terms are multiplied; sums are fp32 either way.
enum class Arithmetic {
  kFp32,  // factors as they are
  kBf16,  // factors rounded to bf16 (nearest even) first, for the processor's bf16 dot products
};

// What the math mode of a device asks for: fp32 in `exact`, bf16 in `fast` where this processor has dot products of it.
// With kBf16 other processors compute as with kFp32, and so do products of at most four columns or rows anywhere.
Arithmetic ArithmeticOf(bool exact);

struct GemmOptions {
  bool accumulate = false;  // out += a·b; out is then fp32
  Arithmetic arithmetic = Arithmetic::kFp32;
  // Called once for every row of out, by threads at once for rows [begin, end) that are complete; while they are in a
  // cache, where one thread writes them whole.
  std::function<void(int64_t begin, int64_t end)> visit = nullptr;
};

// out [M, N] = a [M, K] · b [K, N]. The order of additions depends on shapes, layouts and arithmetic only, never on the
// number of threads. K = 0 gives zeros.
void Gemm(ThreadPool& pool, const ConstMatrix& a, const ConstMatrix& b, const Matrix& out,
          const GemmOptions& options = {});

// The same for `batch` products whose operands advance by the given element steps; parallel over batch and blocks.
struct GemmBatch {
  int64_t count, a_step, b_step, out_step;
};
void GemmBatched(ThreadPool& pool, const ConstMatrix& a, const ConstMatrix& b, const Matrix& out,
                 const GemmBatch& batch, const GemmOptions& options = {});

}  // namespace ane
