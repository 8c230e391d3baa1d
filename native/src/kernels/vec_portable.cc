// The table for processors without a file of their own: four lanes of the compiler's vector arithmetic.
#include "base/fp16.h"
#include "kernels/gemm_kernel.h"
#include "kernels/matrix_vector_kernel.h"
#include "kernels/vec_tables.h"

namespace ane {
namespace {

constexpr int kLanes = 4;
constexpr int kTileRows = 4;
constexpr int kTileVectors = 2;
constexpr int kRowSums = 8;

#include "kernels/vec_load.inc"
#include "kernels/vec_scale.inc"

inline F Set(float x) { return F{x, x, x, x}; }
inline F LoadHalf(const uint16_t* p) {
  return F{Fp16ToFp32(p[0]), Fp16ToFp32(p[1]), Fp16ToFp32(p[2]), Fp16ToFp32(p[3])};
}
inline void StoreHalf(uint16_t* p, F v) {
  for (int j = 0; j < kLanes; ++j) p[j] = Fp32ToFp16(v[j]);
}
inline F RoundHalf(F v) {
  uint16_t half[kLanes];
  StoreHalf(half, v);
  return LoadHalf(half);
}
inline void StreamHalf(uint16_t* p, F v) { StoreHalf(p, v); }
inline void StreamEnd() {}
inline D LoadWide(const float* p) { return __builtin_convertvector(*reinterpret_cast<const FHalf*>(p), D); }
inline F SquareRoot(F v) {
  return F{__builtin_sqrtf(v[0]), __builtin_sqrtf(v[1]), __builtin_sqrtf(v[2]), __builtin_sqrtf(v[3])};
}

inline F Fma(F a, F b, F c) { return a * b + c; }

// Within every 128 bits: a0 b0 a1 b1, a2 b2 a3 b3, a0 a1 b0 b1, a2 a3 b2 b3.
inline F InterleaveLow(F a, F b) { return __builtin_shufflevector(a, b, 0, 4, 1, 5); }
inline F InterleaveHigh(F a, F b) { return __builtin_shufflevector(a, b, 2, 6, 3, 7); }
inline F PairsLow(F a, F b) { return __builtin_shufflevector(a, b, 0, 1, 4, 5); }
inline F PairsHigh(F a, F b) { return __builtin_shufflevector(a, b, 2, 3, 6, 7); }

#include "kernels/vec_parts.inc"
#include "kernels/vec_body.inc"
#include "kernels/gemm_fp32.inc"
#include "kernels/matrix_vector_body.inc"

constexpr VecTable kTable = MakeTable("portable", &kGemm, &kMatrixVector);

}  // namespace

const VecTable* PortableTable() { return &kTable; }

}  // namespace ane
