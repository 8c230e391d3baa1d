// The processor's own rate of fp32 multiply-adds, to hold matrix products against.
#pragma once

#include "base/thread_pool.h"

namespace ane {

// FLOP/s (a multiply-add counts two) of all threads of the pool together, on numbers that stay in registers, with the
// instructions the matrix products use. Takes about `seconds`, and a few milliseconds at least.
double MeasureFmaPeak(ThreadPool& pool, double seconds);

}  // namespace ane
