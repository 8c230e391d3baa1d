// The memory's own speed, to hold kernels that move more than they compute against.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "base/thread_pool.h"

namespace ane {

struct MemoryBandwidth {
  double read = 0;  // bytes per second
  double copy = 0;  // bytes read plus bytes written per second
};

constexpr int64_t kUncachedBytes = int64_t{512} << 20;  // beyond the caches of today's servers

// Of all threads of the pool together, over at least `bytes`. Takes about twice `seconds`, and at least one pass of
// each kind. OUT_OF_MEMORY when there is no room for them.
Result<MemoryBandwidth> MeasureMemoryBandwidth(ThreadPool& pool, double seconds, int64_t bytes = kUncachedBytes);

}  // namespace ane
