// Single elements of matrices of either type.
#pragma once

#include <cstdint>

#include "base/dtype.h"
#include "base/fp16.h"
#include "kernels/gemm.h"

namespace ane {

inline int64_t CeilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

inline const void* At(const void* data, Dtype dtype, int64_t elements) {
  return static_cast<const char*>(data) + elements * static_cast<int64_t>(SizeOf(dtype));
}
inline void* At(void* data, Dtype dtype, int64_t elements) {
  return static_cast<char*>(data) + elements * static_cast<int64_t>(SizeOf(dtype));
}

inline float Element(const ConstMatrix& m, int64_t r, int64_t c) {
  const void* p = At(m.data, m.dtype, r * m.row_stride + c * m.col_stride);
  return m.dtype == Dtype::kFp16 ? Fp16ToFp32(*static_cast<const uint16_t*>(p)) : *static_cast<const float*>(p);
}

inline void Put(const Matrix& m, int64_t r, int64_t c, float value, bool accumulate) {
  void* p = At(m.data, m.dtype, r * m.row_stride + c * m.col_stride);
  if (m.dtype == Dtype::kFp16) {
    *static_cast<uint16_t*>(p) = Fp32ToFp16(value);
  } else {
    *static_cast<float*>(p) = accumulate ? *static_cast<float*>(p) + value : value;
  }
}

}  // namespace ane
