// An operand of the blocked matrix product, cut into panels.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/gemm_elements.h"
#include "kernels/gemm_kernel.h"

namespace ane {

// Cache lines of a part of a matrix in the order of memory, handed out a few at a time.
class Lines {
 public:
  Lines() = default;
  // `runs` runs of `bytes`, `step` bytes apart.
  Lines(const void* data, int64_t runs, int64_t step, int64_t bytes)
      : start_(reinterpret_cast<uintptr_t>(data)), runs_(runs), step_(step), bytes_(bytes) {
    next_ = start_ & ~uintptr_t{63};
  }

  // As many as there are when runs begin anywhere in a line, on average.
  int64_t count() const { return runs_ * (bytes_ + 62) / 64 + 1; }
  // Writes at most n addresses and returns how many.
  int Take(uintptr_t* lines, int64_t n) {
    int taken = 0;
    while (taken < n && runs_ > 0) {
      lines[taken++] = next_;
      next_ += 64;
      if (next_ < start_ + bytes_) continue;
      start_ += step_;
      next_ = start_ & ~uintptr_t{63};
      --runs_;
    }
    return taken;
  }

 private:
  uintptr_t start_ = 0, next_ = 0;
  int64_t runs_ = 0, step_ = 0, bytes_ = 0;
};

// Rows of a matrix [n, K] in panels of `width`.
class PanelSource {
 public:
  PanelSource(const GemmMicrokernel& kernel, const ConstMatrix& matrix, int width)
      : kernel_(kernel), matrix_(matrix), width_(width), panels_(CeilDivide(matrix.rows, width)) {}

  int width() const { return width_; }
  int64_t panels() const { return panels_; }
  int64_t rows() const { return matrix_.rows; }
  bool contiguous_along_k() const { return matrix_.col_stride == 1; }

  // Numbers [k0, k0 + k) of one panel, turned or in rows.
  void PackTurned(float* out, int64_t panel, int64_t k0, int64_t k) const {
    const void* from = Start(panel, k0);
    if (matrix_.dtype == Dtype::kFp16) {
      kernel_.pack_fp16(out, width_, static_cast<const uint16_t*>(from), k, Count(panel), matrix_.col_stride,
                        matrix_.row_stride);
    } else {
      kernel_.pack_fp32(out, width_, static_cast<const float*>(from), k, Count(panel), matrix_.col_stride,
                        matrix_.row_stride);
    }
  }
  void PackRows(float* out, int64_t panel, int64_t k0, int64_t k) const {
    const void* from = Start(panel, k0);
    if (matrix_.dtype == Dtype::kFp16) {
      kernel_.pack_rows_fp16(out, width_, static_cast<const uint16_t*>(from), k, Count(panel), matrix_.row_stride);
    } else {
      kernel_.pack_rows_fp32(out, width_, static_cast<const float*>(from), k, Count(panel), matrix_.row_stride);
    }
  }

  // The memory a panel is packed from; none where it is not in runs.
  Lines LinesOf(int64_t panel, int64_t k0, int64_t k) const {
    const int64_t size = static_cast<int64_t>(SizeOf(matrix_.dtype));
    if (contiguous_along_k()) return {Start(panel, k0), Count(panel), matrix_.row_stride * size, k * size};
    if (matrix_.row_stride == 1) return {Start(panel, k0), k, matrix_.col_stride * size, Count(panel) * size};
    return {};
  }

 private:
  int Count(int64_t panel) const {
    return static_cast<int>(std::min<int64_t>(width_, matrix_.rows - panel * width_));
  }
  const void* Start(int64_t panel, int64_t k0) const {
    return At(matrix_.data, matrix_.dtype, panel * width_ * matrix_.row_stride + k0 * matrix_.col_stride);
  }

  const GemmMicrokernel& kernel_;
  const ConstMatrix matrix_;
  const int width_;
  const int64_t panels_;
};

}  // namespace ane
