// The inner parts of the product of a matrix and few columns, compiled once per instruction set.
#pragma once

#include <cstdint>

namespace ane {

constexpr int kMaxColumns = 4;
constexpr int kStreamsOfColumns = 4;

// `count` <= kMaxColumns vectors stand k apart in `columns`. Products and sums are rounded separately in an order that
// depends on the sizes only: all tables give the same bits.
struct MatrixVectorKernel {
  // sums[c * sums_stride + r] = row r of `rows` · vector c; row r at a + r * stride, its k numbers contiguous.
  void (*rows_fp16)(float* sums, int64_t sums_stride, const uint16_t* a, int64_t stride, int64_t rows, int64_t k,
                    const float* columns, int count);
  void (*rows_fp32)(float* sums, int64_t sums_stride, const float* a, int64_t stride, int64_t rows, int64_t k,
                    const float* columns, int count);

  // Adds to sums[c * sums_stride + r], for r < rows, the products of matrix columns with numbers of vector c: the first
  // column of each of `streams` ranges, then the second of each, and so on. A range has `depth` columns and begins
  // `apart` columns behind the one before; number (r, d) of the matrix is at a + r + d * stride, the vectors'
  // columns_stride apart. `streams` is 1 or kStreamsOfColumns.
  void (*columns_fp16)(float* sums, int64_t sums_stride, const uint16_t* a, int64_t stride, int64_t rows, int streams,
                       int64_t apart, int64_t depth, const float* columns, int64_t columns_stride, int count);
  void (*columns_fp32)(float* sums, int64_t sums_stride, const float* a, int64_t stride, int64_t rows, int streams,
                       int64_t apart, int64_t depth, const float* columns, int64_t columns_stride, int count);
};

}  // namespace ane
