#include "kernels/gemm_int8.h"

#include <algorithm>
#include <cstring>

#include "kernels/gemm_elements.h"
#include "kernels/gemm_kernels.h"
#include "kernels/vec.h"

namespace ane {
namespace {

uint32_t ByteAt(uint8_t byte, int position) { return static_cast<uint32_t>(byte) << (8 * position); }

// Columns [first, first + count) as one panel of numbers without sign: signed ones are moved up by 128.
void PackColumns(uint32_t* panel, const Int8Columns& b, int64_t k, int64_t first, int64_t count) {
  const uint32_t flip = b.is_signed ? 0x80808080u : 0;
  const uint8_t* from = b.data + first * b.stride;
  for (int64_t word = 0; word < CeilDivide(k, kInt8Depth); ++word) {
    uint32_t* to = panel + word * kInt8Columns;
    const uint8_t* p = from + word * kInt8Depth * b.k_stride;
    const int64_t depth = std::min<int64_t>(kInt8Depth, k - word * kInt8Depth);
    if (depth == kInt8Depth && b.stride == 1) {
      const uint8_t *p1 = p + b.k_stride, *p2 = p1 + b.k_stride, *p3 = p2 + b.k_stride;
      for (int64_t c = 0; c < count; ++c) {
        to[c] = (ByteAt(p[c], 0) | ByteAt(p1[c], 1) | ByteAt(p2[c], 2) | ByteAt(p3[c], 3)) ^ flip;
      }
    } else {
      for (int64_t c = 0; c < count; ++c) {
        uint32_t bytes = 0;
        for (int j = 0; j < depth; ++j) bytes |= ByteAt(p[j * b.k_stride + c * b.stride], j);
        to[c] = bytes ^ flip;
      }
    }
    std::fill(to + count, to + kInt8Columns, 0u);
  }
}

// A finished tile [kInt8Rows, kInt8Columns], of which `rows` and `columns` lie in out.
void StoreTile(const float* tile, const Matrix& out, int64_t row, int64_t column, int64_t rows, int64_t columns) {
  const VecTable& vec = Vec();
  const auto line = [&](const float* from, void* to, int64_t n) {
    if (out.dtype == Dtype::kFp16) {
      vec.fp32_to_fp16(static_cast<uint16_t*>(to), from, n);
    } else {
      std::memcpy(to, from, sizeof(float) * static_cast<size_t>(n));
    }
  };
  void* corner = At(out.data, out.dtype, row * out.row_stride + column * out.col_stride);
  if (out.col_stride == 1) {
    for (int64_t r = 0; r < rows; ++r) {
      line(tile + r * kInt8Columns, At(corner, out.dtype, r * out.row_stride), columns);
    }
  } else if (out.row_stride == 1) {
    for (int64_t c = 0; c < columns; ++c) {
      float turned[kInt8Rows];
      for (int r = 0; r < kInt8Rows; ++r) turned[r] = tile[r * kInt8Columns + c];
      line(turned, At(corner, out.dtype, c * out.col_stride), rows);
    }
  } else {
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < columns; ++c) Put(out, row + r, column + c, tile[r * kInt8Columns + c], false);
    }
  }
}

}  // namespace

Int8Rows::Int8Rows(const int8_t* numbers, int64_t rows, int64_t k)
    : rows_(rows),
      k_(k),
      words_(CeilDivide(k, kInt8Depth)),
      panels_(CeilDivide(rows, kInt8Rows)),
      packed_(static_cast<size_t>(panels_ * words_ * kInt8Rows)),
      sums_(static_cast<size_t>(panels_ * kInt8Rows)) {
  for (int64_t r = 0; r < rows; ++r) {
    uint32_t* panel = packed_.data() + r / kInt8Rows * words_ * kInt8Rows + r % kInt8Rows;
    for (int64_t i = 0; i < k; ++i) {
      const int8_t x = numbers[r * k + i];
      panel[i / kInt8Depth * kInt8Rows] |= ByteAt(static_cast<uint8_t>(x), i % kInt8Depth);
      sums_[static_cast<size_t>(r)] += x;
    }
  }
}

bool HasInt8Gemm() { return Int8Gemm() != nullptr; }

void GemmInt8(ThreadPool& pool, const Int8Rows& a, const Int8Columns& b, const float* scales, const Matrix& out) {
  if (a.rows() == 0 || b.columns == 0) return;
  const Int8Kernel& kernel = *Int8Gemm();
  const int32_t offset = b.zero_point + (b.is_signed ? 128 : 0);
  const int64_t column_panels = CeilDivide(b.columns, kInt8Columns);
  // Few columns: threads share out the rows too, and each packs the columns for itself.
  const int64_t shares = std::clamp(CeilDivide(2 * pool.threads(), column_panels), int64_t{1}, a.panels());
  pool.ParallelFor(column_panels * shares, 1, [&](int64_t begin, int64_t end) {
    uint32_t* columns = pool.Reserve<uint32_t>(Workspace::kInt8Columns, a.words() * kInt8Columns);
    for (int64_t task = begin; task < end; ++task) {
      const int64_t column = task / shares * kInt8Columns, share = task % shares;
      const int64_t count = std::min<int64_t>(kInt8Columns, b.columns - column);
      if (task == begin || share == 0) PackColumns(columns, b, a.k(), column, count);
      for (int64_t p = a.panels() * share / shares; p < a.panels() * (share + 1) / shares; ++p) {
        const int64_t row = p * kInt8Rows;
        int32_t corrections[kInt8Rows];
        for (int r = 0; r < kInt8Rows; ++r) corrections[r] = a.sums()[row + r] * offset;
        alignas(64) float tile[kInt8Rows * kInt8Columns];
        kernel.tile(a.words(), a.Panel(p), columns, corrections, scales + row, tile);
        StoreTile(tile, out, row, column, std::min<int64_t>(kInt8Rows, a.rows() - row), count);
      }
    }
  });
}

}  // namespace ane
