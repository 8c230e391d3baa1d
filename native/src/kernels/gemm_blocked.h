// The matrix product for matrices of any size worth packing.
#pragma once

#include "kernels/gemm.h"

namespace ane {

// As Gemm, for M, N and K of at least 1; returns whether options.visit has had the rows.
bool GemmBlocked(ThreadPool& pool, const ConstMatrix& a, const ConstMatrix& b, const Matrix& out,
                 const GemmOptions& options);

}  // namespace ane
