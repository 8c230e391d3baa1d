// The product of a matrix and few columns, as when one token is decoded: the matrix is read once, straight from memory.
#pragma once

#include "base/thread_pool.h"
#include "kernels/gemm.h"

namespace ane {

// out [M, N] = or += a [M, K] · b [K, N] when N is small and the rows or the columns of `a` are contiguous; otherwise
// returns false and does nothing. K > 0.
bool MultiplyFewColumns(ThreadPool& pool, const ConstMatrix& a, const ConstMatrix& b, const Matrix& out,
                        bool accumulate);

}  // namespace ane
