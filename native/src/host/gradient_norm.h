// The squares that come with a gradient: for every row the sum of its squared elements, in fp64.
//
// Whatever writes rows of a gradient has them summed while they are in a cache, so that the norm of all gradients reads
// one number a row. A sum is zero exactly where the row is: no square of an fp32 number vanishes in fp64.
#pragma once

#include "host/host_kernels.h"

namespace ane {

// squares [1, R] of all rows of `in` [R, C].
void RowSquares(ThreadPool& pool, const TensorView& in, const TensorView& squares);

}  // namespace ane
