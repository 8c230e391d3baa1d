// The table for x86 processors with AVX-512 F, BW, DQ, VL.
#include "kernels/gemm_kernel.h"
#include "kernels/vec_tables.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "base/fp16.h"

namespace ane {
namespace {

constexpr int kLanes = 16;
constexpr int kTileRows = 12;
constexpr int kTileVectors = 2;

#include "kernels/vec_load.inc"

inline F Set(float x) { return _mm512_set1_ps(x); }
// The forms with a mask of ones: gcc 12 warns about its own header in the plain ones.
inline F LoadHalf(const uint16_t* p) {
  return _mm512_maskz_cvtph_ps(0xffff, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
inline void StoreHalf(uint16_t* p, F v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_maskz_cvtps_ph(0xffff, v, _MM_FROUND_TO_NEAREST_INT));
}
inline void StreamHalf(uint16_t* p, F v) {
  _mm256_stream_si256(reinterpret_cast<__m256i*>(p), _mm512_maskz_cvtps_ph(0xffff, v, _MM_FROUND_TO_NEAREST_INT));
}
inline void StreamEnd() { _mm_sfence(); }
inline F SquareRoot(F v) { return _mm512_maskz_sqrt_ps(0xffff, v); }

// The first n < kLanes elements, zeros behind them; memory behind is not touched.
inline __mmask16 Mask(int64_t n) { return static_cast<__mmask16>((1u << n) - 1); }
inline F LoadPart(const float* p, int64_t n) { return _mm512_maskz_loadu_ps(Mask(n), p); }
inline void StorePart(float* p, F v, int64_t n) { _mm512_mask_storeu_ps(p, Mask(n), v); }
inline F LoadHalfPart(const uint16_t* p, int64_t n) {
  return _mm512_maskz_cvtph_ps(0xffff, _mm256_maskz_loadu_epi16(Mask(n), p));
}
inline F Fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }

// Within every 128 bits: a0 b0 a1 b1, a2 b2 a3 b3, a0 a1 b0 b1, a2 a3 b2 b3.
inline F InterleaveLow(F a, F b) {
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29);
}
inline F InterleaveHigh(F a, F b) {
  return __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31);
}
inline F PairsLow(F a, F b) {
  return __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
}
inline F PairsHigh(F a, F b) {
  return __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
}

#include "kernels/vec_body.inc"
#include "kernels/gemm_body.inc"

constexpr VecTable kTable = MakeTable("avx512", &kGemm);

}  // namespace

const VecTable* Avx512Table() { return &kTable; }

}  // namespace ane
#else
namespace ane {
const VecTable* Avx512Table() { return nullptr; }
}  // namespace ane
#endif
