// An operand of the blocked matrix product, cut into panels.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/gemm_elements.h"
#include "kernels/gemm_kernel.h"

namespace ane {

// K is summed in equal blocks, each from zero: the same on every processor, so that results are too.
inline int64_t BlockOfK(int64_t k, int depth) {
  const int64_t longest = kBlockWords * depth, step = int64_t{16} * depth;
  return CeilDivide(CeilDivide(k, CeilDivide(k, longest)), step) * step;
}

// How many words ahead what lies side by side is fetched; a row's numbers are fetched a panel ahead.
constexpr int64_t kRunsAhead = 16;

// Rows of a matrix [n, K] in panels of `width`.
class PanelSource {
 public:
  PanelSource(const GemmMicrokernel& kernel, const ConstMatrix& matrix, int width)
      : kernel_(kernel), matrix_(matrix), width_(width), panels_(CeilDivide(matrix.rows, width)) {}

  int width() const { return width_; }
  int64_t panels() const { return panels_; }
  int64_t rows() const { return matrix_.rows; }
  bool contiguous_along_k() const { return matrix_.col_stride == 1; }

  bool contiguous_along_rows() const { return matrix_.row_stride == 1 && matrix_.col_stride != 1; }

  // Numbers [k0, k0 + k) of `count` panels, turned and `step` words apart.
  void PackTurned(float* out, int64_t step, int64_t panel, int64_t count, int64_t k0, int64_t k) const {
    if (matrix_.dtype == Dtype::kFp16) {
      Turn<uint16_t>(kernel_.pack_fp16, kernel_.pack_strips_fp16, out, step, panel, count, k0, k);
    } else {
      Turn<float>(kernel_.pack_fp32, kernel_.pack_strips_fp32, out, step, panel, count, k0, k);
    }
  }
  // The same of one panel, in rows.
  void PackRows(float* out, int64_t panel, int64_t k0, int64_t k) const {
    const void* from = Start(panel, k0);
    const int rows = static_cast<int>(Rows(panel, 1));
    if (matrix_.dtype == Dtype::kFp16) {
      kernel_.pack_rows_fp16(out, width_, static_cast<const uint16_t*>(from), k, rows, matrix_.row_stride);
    } else {
      kernel_.pack_rows_fp32(out, width_, static_cast<const float*>(from), k, rows, matrix_.row_stride);
    }
  }

  // Whether such a panel is whole, and so are its vectors.
  bool Whole(int64_t panel, int64_t k) const {
    return Rows(panel, 1) == width_ && k % (contiguous_along_k() ? kernel_.lanes * kernel_.depth : kernel_.depth) == 0;
  }
  // One of `parts` parts of packing numbers [k0, k0 + k) of a whole panel: of a, contiguous along K, in rows, or of b,
  // contiguous along rows, turned.
  PackAhead PackAheadOf(float* out, int64_t panel, int64_t k0, int64_t k, int64_t part, int64_t parts) const {
    const auto size = static_cast<int64_t>(SizeOf(matrix_.dtype));
    const auto* start = static_cast<const char*>(Start(panel, k0));
    const bool half = matrix_.dtype == Dtype::kFp16;
    const int64_t depth = kernel_.depth, lanes = kernel_.lanes;
    if (contiguous_along_k()) {
      const int64_t lines = k / (lanes * depth), each = CeilDivide(lines, parts), first = std::min(part * each, lines);
      return {start + first * lanes * depth * size, out + first * lanes, width_, std::min(each, lines - first),
              matrix_.row_stride * size, kRowWords, 1, half, width_ * matrix_.row_stride * size};
    }
    const int64_t words = k / depth, each = CeilDivide(words, parts), first = std::min(part * each, words);
    const int64_t step = depth * matrix_.col_stride * size;
    return {start + first * step, out + first * width_, std::min(each, words - first), width_ / lanes,
            step, width_, matrix_.col_stride, half, kRunsAhead * step};
  }

  // One of `parts` parts of the memory that panels are packed from; none where it is not in runs.
  Ahead AheadOf(int64_t panel, int64_t count, int64_t k0, int64_t k, int64_t part, int64_t parts) const {
    const auto size = static_cast<int64_t>(SizeOf(matrix_.dtype));
    const auto* start = static_cast<const char*>(Start(panel, k0));
    const int64_t rows = Rows(panel, count);
    if (contiguous_along_k()) {
      const int64_t lines = k * size / 64 + 1, each = CeilDivide(lines, parts), first = std::min(part * each, lines);
      return {start + 64 * first, matrix_.row_stride * size, rows, std::min(each, lines - first)};
    }
    if (!contiguous_along_rows()) return {};
    const int64_t each = CeilDivide(k, parts), first = std::min(part * each, k), step = matrix_.col_stride * size;
    return {start + first * step, step, std::min(each, k - first), rows * size / 64 + 1};
  }

 private:
  template <typename T, typename PackOne, typename PackStrips>
  void Turn(PackOne pack_one, PackStrips pack_strips, float* out, int64_t step, int64_t panel, int64_t count,
            int64_t k0, int64_t k) const {
    const int64_t rows = Rows(panel, count);
    const bool strips = contiguous_along_rows() && width_ == kernel_.rows;
    int64_t i = strips ? rows / width_ : 0;
    if (i > 0) pack_strips(out, step, i, static_cast<const T*>(Start(panel, k0)), k, matrix_.col_stride);
    for (; i < count; ++i) {
      pack_one(out + i * step, width_, static_cast<const T*>(Start(panel + i, k0)), k,
               static_cast<int>(Rows(panel + i, 1)), matrix_.col_stride, matrix_.row_stride);
    }
  }
  int64_t Rows(int64_t panel, int64_t count) const { return std::min(count * width_, matrix_.rows - panel * width_); }
  const void* Start(int64_t panel, int64_t k0) const {
    return At(matrix_.data, matrix_.dtype, panel * width_ * matrix_.row_stride + k0 * matrix_.col_stride);
  }

  const GemmMicrokernel& kernel_;
  const ConstMatrix matrix_;
  const int width_;
  const int64_t panels_;
};

}  // namespace ane
