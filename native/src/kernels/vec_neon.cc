// The table for AArch64 processors.
#include "kernels/gemm_kernel.h"
#include "kernels/matrix_vector_kernel.h"
#include "kernels/vec_tables.h"

#if defined(__aarch64__)
#include <arm_neon.h>

#include "base/fp16.h"

namespace ane {
namespace {

constexpr int kLanes = 4;
constexpr int kTileRows = 8;
constexpr int kTileVectors = 2;
constexpr int kRowSums = 16;

#include "kernels/vec_load.inc"
#include "kernels/vec_scale.inc"

inline F Set(float x) { return vdupq_n_f32(x); }
inline F LoadHalf(const uint16_t* p) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))); }
inline void StoreHalf(uint16_t* p, F v) { vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(v))); }
inline F RoundHalf(F v) { return vcvt_f32_f16(vcvt_f16_f32(v)); }
inline void StreamHalf(uint16_t* p, F v) { StoreHalf(p, v); }
inline void StreamEnd() {}
inline F SquareRoot(F v) { return vsqrtq_f32(v); }

inline F Fma(F a, F b, F c) { return vfmaq_f32(c, a, b); }

// Within every 128 bits: a0 b0 a1 b1, a2 b2 a3 b3, a0 a1 b0 b1, a2 a3 b2 b3.
inline F InterleaveLow(F a, F b) { return __builtin_shufflevector(a, b, 0, 4, 1, 5); }
inline F InterleaveHigh(F a, F b) { return __builtin_shufflevector(a, b, 2, 6, 3, 7); }
inline F PairsLow(F a, F b) { return __builtin_shufflevector(a, b, 0, 1, 4, 5); }
inline F PairsHigh(F a, F b) { return __builtin_shufflevector(a, b, 2, 3, 6, 7); }

#include "kernels/vec_parts.inc"
#include "kernels/vec_body.inc"
#include "kernels/gemm_fp32.inc"
#include "kernels/matrix_vector_body.inc"

constexpr VecTable kTable = MakeTable("neon", &kGemm, &kMatrixVector);

}  // namespace

const VecTable* NeonTable() { return &kTable; }

}  // namespace ane
#else
namespace ane {
const VecTable* NeonTable() { return nullptr; }
}  // namespace ane
#endif
