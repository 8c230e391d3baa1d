// The squares that come with a gradient: for every row the sum of its squared elements, in fp64.
//
// Whatever writes rows of a gradient has them summed while they are in a cache, so that the norm of all gradients reads
// one number a row. A sum is zero exactly where the row is: no square of an fp32 number vanishes in fp64.
#pragma once

#include "host/host_kernels.h"
#include "kernels/gemm.h"

namespace ane {

// out = or += a · b as Gemm, and squares [1, R] of the rows of out unless nullptr.
void GemmAndSquares(ThreadPool& pool, const ConstMatrix& a, const ConstMatrix& b, const TensorView& out,
                    const TensorView* squares, bool accumulate, Arithmetic arithmetic);

}  // namespace ane
