#include "kernels/matrix_vector.h"

#include <algorithm>

#include "kernels/gemm_elements.h"
#include "kernels/matrix_vector_kernel.h"
#include "kernels/vec.h"

namespace ane {
namespace {

// A thread takes at least this many numbers of the matrix at a time.
constexpr int64_t kShare = 32768;

// The columns of b as fp32, one behind the other; b's own memory where it is that already.
const float* Gather(const ConstMatrix& b, float* buffer) {
  const VecTable& vec = Vec();
  if (b.row_stride == 1 && b.dtype == Dtype::kFp32 && (b.cols == 1 || b.col_stride == b.rows)) {
    return static_cast<const float*>(b.data);
  }
  for (int64_t c = 0; c < b.cols; ++c) {
    float* column = buffer + c * b.rows;
    if (b.row_stride == 1 && b.dtype == Dtype::kFp16) {
      vec.fp16_to_fp32(column, static_cast<const uint16_t*>(At(b.data, b.dtype, c * b.col_stride)), b.rows);
    } else {
      for (int64_t i = 0; i < b.rows; ++i) column[i] = Element(b, i, c);
    }
  }
  return buffer;
}

// Rows [begin, end) of column c of out from `sums`.
void PutColumn(const Matrix& out, int64_t c, int64_t begin, int64_t end, const float* sums, bool accumulate) {
  if (out.dtype == Dtype::kFp16 && out.row_stride == 1) {
    void* at = At(out.data, out.dtype, begin + c * out.col_stride);
    Vec().fp32_to_fp16(static_cast<uint16_t*>(at), sums, end - begin);
    return;
  }
  for (int64_t r = begin; r < end; ++r) Put(out, r, c, sums[r - begin], accumulate);
}

// Rows of `a` are contiguous.
void MultiplyRows(ThreadPool& pool, const ConstMatrix& a, const float* columns, const Matrix& out, bool accumulate) {
  constexpr int64_t kRows = 512;
  const MatrixVectorKernel& kernel = *Vec().matrix_vector;
  const int64_t k = a.cols;
  const int count = static_cast<int>(out.cols);
  pool.ParallelFor(out.rows, std::max<int64_t>(kShare / k, 1), [&](int64_t begin, int64_t end) {
    float sums[kMaxColumns * kRows];
    for (int64_t r = begin; r < end; r += kRows) {
      const int64_t rows = std::min(kRows, end - r);
      const void* at = At(a.data, a.dtype, r * a.row_stride);
      if (a.dtype == Dtype::kFp16) {
        kernel.rows_fp16(sums, kRows, static_cast<const uint16_t*>(at), a.row_stride, rows, k, columns, count);
      } else {
        kernel.rows_fp32(sums, kRows, static_cast<const float*>(at), a.row_stride, rows, k, columns, count);
      }
      for (int c = 0; c < count; ++c) PutColumn(out, c, r, r + rows, sums + c * kRows, accumulate);
    }
  });
}

// Columns of `a` are contiguous. Four quarters of them are read side by side, kDepth columns of each at a time: such a
// part is summed from zero, and the parts are added in their order.
class ColumnsProduct {
 public:
  ColumnsProduct(const ConstMatrix& a, const float* columns, const Matrix& out, float* sums)
      : a_(a), columns_(columns), count_(static_cast<int>(out.cols)), sums_(sums) {}

  static int64_t Parts(int64_t k) { return std::max<int64_t>(CeilDivide(k / kStreamsOfColumns, kDepth), 1); }
  float* Sums(int64_t part) const { return sums_ + part * count_ * a_.rows; }  // [column][row]

  void Sum(int64_t part, int64_t first, int64_t rows) const {
    const int64_t quarter = a_.cols / kStreamsOfColumns, d = part * kDepth, whole = quarter * kStreamsOfColumns;
    for (int c = 0; c < count_; ++c) std::fill_n(Sums(part) + c * a_.rows + first, rows, 0.0f);
    Add(part, first, rows, d, kStreamsOfColumns, quarter, std::min(kDepth, quarter - d));
    if (part + 1 == Parts(a_.cols)) Add(part, first, rows, whole, 1, 0, a_.cols - whole);
  }

 private:
  static constexpr int64_t kDepth = 16;

  void Add(int64_t part, int64_t first, int64_t rows, int64_t d, int streams, int64_t apart, int64_t depth) const {
    const MatrixVectorKernel& kernel = *Vec().matrix_vector;
    float* sums = Sums(part) + first;
    const void* at = At(a_.data, a_.dtype, first + d * a_.col_stride);
    if (a_.dtype == Dtype::kFp16) {
      kernel.columns_fp16(sums, a_.rows, static_cast<const uint16_t*>(at), a_.col_stride, rows, streams, apart, depth,
                          columns_ + d, a_.cols, count_);
    } else {
      kernel.columns_fp32(sums, a_.rows, static_cast<const float*>(at), a_.col_stride, rows, streams, apart, depth,
                          columns_ + d, a_.cols, count_);
    }
  }

  ConstMatrix a_;
  const float* columns_;
  int count_;
  float* sums_;
};

void MultiplyColumns(ThreadPool& pool, const ConstMatrix& a, const float* columns, const Matrix& out,
                     bool accumulate) {
  constexpr int64_t kLeastRows = 256;
  const VecTable& vec = Vec();
  const int64_t m = out.rows, count = out.cols, parts = ColumnsProduct::Parts(a.cols);
  const ColumnsProduct product(a, columns, out, pool.Reserve<float>(Workspace::kColumnSums, parts * count * m));
  // Where the parts are too few for the threads, rows are shared out too.
  const int64_t blocks = std::clamp(4 * pool.threads() / parts, int64_t{1}, CeilDivide(m, kLeastRows));
  const int64_t block = CeilDivide(CeilDivide(m, blocks), 64) * 64;
  pool.ParallelFor(parts * blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i / parts * block;
      if (first < m) product.Sum(i % parts, first, std::min(block, m - first));
    }
  });
  pool.ParallelFor(m, std::max<int64_t>(kShare / (parts * count), kLeastRows), [&](int64_t begin, int64_t end) {
    for (int64_t c = 0; c < count; ++c) {
      float* total = product.Sums(0) + c * m + begin;
      for (int64_t part = 1; part < parts; ++part) {
        vec.add(total, total, product.Sums(part) + c * m + begin, end - begin);
      }
      PutColumn(out, c, begin, end, total, accumulate);
    }
  });
}

}  // namespace

bool MultiplyFewColumns(ThreadPool& pool, const ConstMatrix& a, const ConstMatrix& b, const Matrix& out,
                        bool accumulate) {
  if (out.cols > kMaxColumns || (a.col_stride != 1 && a.row_stride != 1)) return false;
  const float* columns = Gather(b, pool.Reserve<float>(Workspace::kColumns, a.cols * out.cols));
  a.col_stride == 1 ? MultiplyRows(pool, a, columns, out, accumulate)
                    : MultiplyColumns(pool, a, columns, out, accumulate);
  return true;
}

}  // namespace ane
