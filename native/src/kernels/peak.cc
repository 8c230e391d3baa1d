#include "kernels/peak.h"

#include <cstdint>

#include "kernels/gemm_kernels.h"
#include "kernels/rate.h"

namespace ane {
namespace {

// One piece takes a fraction of a millisecond: long beside the handing over, short beside a measurement.
constexpr int64_t kSteps = 50000;
constexpr int64_t kPiecesPerThread = 8;

const MultiplyAdds* Find(Factors factors) {
  if (factors == Factors::kInt8) return &Int8Gemm().multiply_adds;
  if (factors == Factors::kBf16 && ArithmeticOf(false) != Arithmetic::kBf16) return nullptr;
  return &GemmKernel(factors == Factors::kBf16 ? Arithmetic::kBf16 : Arithmetic::kFp32).multiply_adds;
}

}  // namespace

double MeasurePeak(ThreadPool& pool, Factors factors, double seconds) {
  const MultiplyAdds* adds = Find(factors);
  if (adds == nullptr) return 0;
  const int64_t pieces = kPiecesPerThread * pool.threads();
  return Rate(seconds, 2.0 * static_cast<double>(pieces * kSteps * adds->count), [&] {
    pool.ParallelFor(pieces, 1, [&](int64_t begin, int64_t end) {
      float sums[kMaxTile];
      for (int64_t i = begin; i < end; ++i) adds->run(sums, kSteps);
    });
  });
}

}  // namespace ane
