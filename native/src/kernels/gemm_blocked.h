// The matrix product for matrices of any size worth packing.
#pragma once

#include "kernels/gemm.h"

namespace ane {

// As Gemm, for M, N and K of at least 1.
void GemmBlocked(ThreadPool& pool, const ConstMatrix& a, const ConstMatrix& b, const Matrix& out,
                 const GemmOptions& options);

}  // namespace ane
