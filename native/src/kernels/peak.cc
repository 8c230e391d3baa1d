#include "kernels/peak.h"

#include <chrono>
#include <cstdint>

#include "kernels/gemm_kernels.h"

namespace ane {
namespace {

double Now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// One piece takes a fraction of a millisecond: long beside the handing over, short beside a measurement.
constexpr int64_t kSteps = 50000;
constexpr int64_t kPiecesPerThread = 8;

const MultiplyAdds* Find(Factors factors) {
  if (factors == Factors::kInt8) return Int8MultiplyAdds();
  if (factors == Factors::kBf16 && ArithmeticOf(false) != Arithmetic::kBf16) return nullptr;
  return &GemmKernel(factors == Factors::kBf16 ? Arithmetic::kBf16 : Arithmetic::kFp32).multiply_adds;
}

// Multiply-adds done by all threads.
int64_t Pass(ThreadPool& pool, const MultiplyAdds& adds) {
  const int64_t pieces = kPiecesPerThread * pool.threads();
  pool.ParallelFor(pieces, 1, [&](int64_t begin, int64_t end) {
    float sums[kMaxTile];
    for (int64_t i = begin; i < end; ++i) adds.run(sums, kSteps);
  });
  return pieces * kSteps * adds.count;
}

}  // namespace

double MeasurePeak(ThreadPool& pool, Factors factors, double seconds) {
  const MultiplyAdds* adds = Find(factors);
  if (adds == nullptr) return 0;
  Pass(pool, *adds);  // wakes the threads and lets the clock settle
  const double start = Now();
  double elapsed = 0, done = 0;
  do {
    done += static_cast<double>(Pass(pool, *adds));
    elapsed = Now() - start;
  } while (elapsed < seconds);
  return 2 * done / elapsed;
}

}  // namespace ane
