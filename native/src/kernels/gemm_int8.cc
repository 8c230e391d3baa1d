#include "kernels/gemm_int8.h"

#include <algorithm>
#include <cstring>

#include "kernels/gemm_elements.h"
#include "kernels/gemm_kernels.h"
#include "kernels/vec.h"

namespace ane {
namespace {

// One of the kDepth numbers of a word, in its place.
template <int kDepth>
uint32_t InWord(int8_t number, int position) {
  constexpr int kBits = 32 / kDepth;
  return (static_cast<uint32_t>(number) & (~0u >> (32 - kBits))) << (kBits * position);
}

// Columns [first, first + count) as one panel, moved by 128 where they have a sign and the kernel's have none, or the
// other way round.
template <int kDepth>
void PackColumns(uint32_t* panel, const Int8Columns& b, uint8_t flip, int64_t k, int64_t first, int64_t count) {
  const uint8_t* from = b.data + first * b.stride;
  for (; k > 0; k -= kDepth, from += kDepth * b.k_stride, panel += kInt8Columns) {
    const auto pack = [&](int depth, int64_t stride) {
      for (int64_t c = 0; c < count; ++c) {
        uint32_t word = 0;
        for (int j = 0; j < depth; ++j) {
          word |= InWord<kDepth>(static_cast<int8_t>(from[j * b.k_stride + c * stride] ^ flip), j);
        }
        panel[c] = word;
      }
    };
    if (k >= kDepth && b.stride == 1) {
      pack(kDepth, 1);
    } else {
      pack(static_cast<int>(std::min<int64_t>(kDepth, k)), b.stride);
    }
    std::fill(panel + count, panel + kInt8Columns, 0u);
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

Int8Rows::Int8Rows(const Int8Kernel& kernel, const int8_t* numbers, int64_t rows, int64_t k)
    : kernel_(kernel),
      rows_(rows),
      k_(k),
      words_(CeilDivide(k, kernel.depth)),
      panels_(CeilDivide(rows, kInt8Rows)),
      packed_(static_cast<size_t>(panels_ * words_ * kInt8Rows)),
      sums_(static_cast<size_t>(panels_ * kInt8Rows)) {
  const auto in_word = kernel.depth == 4 ? InWord<4> : InWord<2>;
  for (int64_t r = 0; r < rows; ++r) {
    uint32_t* panel = packed_.data() + r / kInt8Rows * words_ * kInt8Rows + r % kInt8Rows;
    for (int64_t i = 0; i < k; ++i) {
      const int8_t x = numbers[r * k + i];
      panel[i / kernel.depth * kInt8Rows] |= in_word(x, static_cast<int>(i % kernel.depth));
      sums_[static_cast<size_t>(r)] += x;
    }
  }
}

void GemmInt8(ThreadPool& pool, const Int8Rows& a, const Int8Columns& b, const float* scales, const Matrix& out) {
  if (a.rows() == 0 || b.columns == 0) return;
  const Int8Kernel& kernel = a.kernel();
  const auto pack = kernel.depth == 4 ? PackColumns<4> : PackColumns<2>;
  const uint8_t flip = b.is_signed == kernel.signed_columns ? 0 : 128;
  const int32_t offset = b.zero_point + (b.is_signed ? flip : -flip);
  const int64_t column_panels = CeilDivide(b.columns, kInt8Columns);
  // Few columns: threads share out the rows too, and each packs the columns for itself.
  const int64_t shares = std::clamp(CeilDivide(2 * pool.threads(), column_panels), int64_t{1}, a.panels());
  pool.ParallelFor(column_panels * shares, 1, [&](int64_t begin, int64_t end) {
    uint32_t* columns = pool.Reserve<uint32_t>(Workspace::kInt8Columns, a.words() * kInt8Columns);
    for (int64_t task = begin; task < end; ++task) {
      const int64_t column = task / shares * kInt8Columns, share = task % shares;
      const int64_t count = std::min<int64_t>(kInt8Columns, b.columns - column);
      if (task == begin || share == 0) pack(columns, b, flip, a.k(), column, count);
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
