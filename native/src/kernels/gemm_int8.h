// Matrix product of 8-bit integers, summed exactly in int32.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/gemm.h"
#include "kernels/gemm_kernel.h"

namespace ane {

// Sums of |rows| times this stay below 2^31 with every zero point.
constexpr int64_t kLargestInt8Term = 512;

// The micro-kernels this processor runs of the instruction set in use and those below it, best first, at least one. All
// give the same bits.
std::vector<const Int8Kernel*> Int8Gemms();

// The left operand [M, K], packed once for a micro-kernel.
class Int8Rows {
 public:
  // `numbers` [M, K] row-major; the sum of magnitudes of a row times kLargestInt8Term is below 2^31.
  Int8Rows(const Int8Kernel& kernel, const int8_t* numbers, int64_t rows, int64_t k);

  const Int8Kernel& kernel() const { return kernel_; }
  int64_t rows() const { return rows_; }
  int64_t k() const { return k_; }
  int64_t words() const { return words_; }
  int64_t panels() const { return panels_; }
  const uint32_t* Panel(int64_t panel) const { return packed_.data() + panel * words_ * kInt8Rows; }
  // Of every row, zeros behind the last one.
  const int32_t* sums() const { return sums_.data(); }

 private:
  const Int8Kernel& kernel_;
  int64_t rows_, k_, words_, panels_;
  std::vector<uint32_t> packed_;
  std::vector<int32_t> sums_;
};

// The right operand: element (k, n) is data[k * k_stride + n * stride] - zero_point.
struct Int8Columns {
  const uint8_t* data;
  bool is_signed;
  int32_t zero_point;
  int64_t columns, k_stride, stride;
};

// out [M, N] = scales [M] · (a · b), where each sum is rounded to fp32 once and the scaled one to fp32 and the type of
// out. `scales` goes on to a multiple of kInt8Rows.
void GemmInt8(ThreadPool& pool, const Int8Rows& a, const Int8Columns& b, const float* scales, const Matrix& out);

}  // namespace ane
