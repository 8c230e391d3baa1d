// Operands of host kernels as operands of matrix products.
#pragma once

#include "host/host_kernels.h"
#include "kernels/gemm.h"

namespace ane {

inline Matrix Writable(const TensorView& v) { return {v.data, v.dtype, v.rows, v.cols, v.row_stride, v.col_stride}; }
inline ConstMatrix Const(const TensorView& v) { return {v.data, v.dtype, v.rows, v.cols, v.row_stride, v.col_stride}; }

}  // namespace ane
