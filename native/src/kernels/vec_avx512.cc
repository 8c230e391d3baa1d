// The table for x86 processors with AVX-512 F, BW, DQ, VL.
#include "kernels/vec_tables.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "base/fp16.h"

namespace ane {
namespace {

constexpr int kLanes = 16;
typedef float F __attribute__((vector_size(4 * kLanes)));
typedef int32_t I __attribute__((vector_size(4 * kLanes)));

// The forms with a mask of ones: gcc 12 warns about its own header in the plain ones.
inline F LoadHalf(const uint16_t* p) {
  return _mm512_maskz_cvtph_ps(0xffff, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
inline void StoreHalf(uint16_t* p, F v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_maskz_cvtps_ph(0xffff, v, _MM_FROUND_TO_NEAREST_INT));
}
inline F SquareRoot(F v) { return _mm512_maskz_sqrt_ps(0xffff, v); }

#include "kernels/vec_body.inc"

constexpr VecTable kTable = MakeTable("avx512", nullptr);

}  // namespace

const VecTable* Avx512Table() { return &kTable; }

}  // namespace ane
#else
namespace ane {
const VecTable* Avx512Table() { return nullptr; }
}  // namespace ane
#endif
