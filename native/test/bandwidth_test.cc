#include "kernels/bandwidth.h"

#include <cstdint>

#include "check.h"

using ane::MeasureMemoryBandwidth;
using ane::ThreadPool;

TEST(memory_is_read_and_copied_at_finite_speeds_on_any_number_of_threads) {
  for (const int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    const auto measured = MeasureMemoryBandwidth(pool, 0, int64_t{16} << 20);
    EXPECT(measured.ok());
    EXPECT(measured.value().read > 0 && measured.value().read < 1e14);
    EXPECT(measured.value().copy > 0 && measured.value().copy < 1e14);
  }
}
