// The table for x86 processors with AVX2, FMA and F16C.
#include "kernels/vec_tables.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "base/fp16.h"

namespace ane {
namespace {

constexpr int kLanes = 8;
typedef float F __attribute__((vector_size(4 * kLanes)));
typedef int32_t I __attribute__((vector_size(4 * kLanes)));

inline F LoadHalf(const uint16_t* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
inline void StoreHalf(uint16_t* p, F v) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}
inline F SquareRoot(F v) { return _mm256_sqrt_ps(v); }

#include "kernels/vec_body.inc"

constexpr VecTable kTable = MakeTable("avx2", nullptr);

}  // namespace

const VecTable* Avx2Table() { return &kTable; }

}  // namespace ane
#else
namespace ane {
const VecTable* Avx2Table() { return nullptr; }
}  // namespace ane
#endif
