// The processor's own rate of multiply-adds, to hold matrix products against.
#pragma once

#include "base/thread_pool.h"

namespace ane {

enum class Factors { kFp32, kBf16, kInt8 };

// Operations per second (a multiply-add counts two) of all threads of the pool together, on numbers that stay in
// registers and the nearest cache, with the instructions products of such factors use; 0 where the processor has none for
// them. Takes about `seconds`, and a few milliseconds at least.
double MeasurePeak(ThreadPool& pool, Factors factors, double seconds);

}  // namespace ane
