// The table for x86 processors with AVX2, FMA and F16C.
#include "kernels/gemm_kernel.h"
#include "kernels/matrix_vector_kernel.h"
#include "kernels/vec_tables.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "base/fp16.h"

namespace ane {
namespace {

constexpr int kLanes = 8;
constexpr int kTileRows = 6;
constexpr int kTileVectors = 2;
constexpr int kRowSums = 8;

#include "kernels/vec_load.inc"
#include "kernels/vec_scale.inc"

inline F Set(float x) { return _mm256_set1_ps(x); }
inline F LoadHalf(const uint16_t* p) { return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
inline void StoreHalf(uint16_t* p, F v) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}
inline F RoundHalf(F v) { return _mm256_cvtph_ps(_mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT)); }
inline void StreamHalf(uint16_t* p, F v) {
  _mm_stream_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}
inline void StreamEnd() { _mm_sfence(); }
inline D LoadWide(const float* p) { return __builtin_convertvector(*reinterpret_cast<const FHalf*>(p), D); }
inline F SquareRoot(F v) { return _mm256_sqrt_ps(v); }

// The first n < kLanes elements, zeros behind them; memory behind is not touched.
inline __m256i Mask(int64_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
inline F LoadPart(const float* p, int64_t n) { return _mm256_maskload_ps(p, Mask(n)); }
inline void StorePart(float* p, F v, int64_t n) { _mm256_maskstore_ps(p, Mask(n), v); }
inline uint64_t HalfBits(const uint16_t* p, int64_t n) {
  uint64_t bits = 0;
  if (n >= 4) {
    __builtin_memcpy(&bits, p, 8);
    return bits;
  }
  if (n >= 2) {
    uint32_t pair;
    __builtin_memcpy(&pair, p, 4);
    bits = pair;
  }
  if (n % 2 == 1) bits |= static_cast<uint64_t>(p[n - 1]) << (16 * (n - 1));
  return bits;
}
inline F LoadHalfPart(const uint16_t* p, int64_t n) {
  const uint64_t low = HalfBits(p, n), high = n > 4 ? HalfBits(p + 4, n - 4) : 0;
  return _mm256_cvtph_ps(_mm_set_epi64x(static_cast<long long>(high), static_cast<long long>(low)));
}
inline F Fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }

// Within every 128 bits: a0 b0 a1 b1, a2 b2 a3 b3, a0 a1 b0 b1, a2 a3 b2 b3.
inline F InterleaveLow(F a, F b) { return __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13); }
inline F InterleaveHigh(F a, F b) { return __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15); }
inline F PairsLow(F a, F b) { return __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13); }
inline F PairsHigh(F a, F b) { return __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15); }

#include "kernels/vec_body.inc"
#include "kernels/gemm_fp32.inc"
#include "kernels/matrix_vector_body.inc"

constexpr VecTable kTable = MakeTable("avx2", &kGemm, &kMatrixVector);

}  // namespace

const VecTable* Avx2Table() { return &kTable; }

}  // namespace ane
#else
namespace ane {
const VecTable* Avx2Table() { return nullptr; }
}  // namespace ane
#endif
