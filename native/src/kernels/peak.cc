#include "kernels/peak.h"

#include <chrono>
#include <cstdint>

#include "kernels/gemm_kernel.h"
#include "kernels/vec.h"

namespace ane {
namespace {

double Now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// One piece takes a fraction of a millisecond: long beside the handing over, short beside a measurement.
constexpr int64_t kSteps = 50000;
constexpr int64_t kPiecesPerThread = 8;

// Multiply-adds done by all threads.
int64_t Pass(ThreadPool& pool) {
  const GemmMicrokernel& kernel = *Vec().gemm;
  const int64_t pieces = kPiecesPerThread * pool.threads();
  pool.ParallelFor(pieces, 1, [&](int64_t begin, int64_t end) {
    float sums[kMaxTile];
    for (int64_t i = begin; i < end; ++i) kernel.multiply_add(sums, kSteps);
  });
  return pieces * kSteps * kernel.multiply_adds;
}

}  // namespace

double MeasureFmaPeak(ThreadPool& pool, double seconds) {
  Pass(pool);  // wakes the threads and lets the clock settle
  const double start = Now();
  double elapsed = 0, done = 0;
  do {
    done += static_cast<double>(Pass(pool));
    elapsed = Now() - start;
  } while (elapsed < seconds);
  return 2 * done / elapsed;
}

}  // namespace ane
