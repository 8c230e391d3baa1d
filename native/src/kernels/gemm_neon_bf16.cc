// The matrix product for AArch64 processors with BF16. A dot product rounds the sum of its two products and then the sum
// with what was there, each to odd: off by up to one unit in the last place of fp32, where AVX-512 is by half of one. Like
// there, subnormal numbers of fp32's range are zero; those of fp16 are normal numbers there.
#include "kernels/gemm_kernel.h"
#include "kernels/gemm_kernels.h"

#if defined(__aarch64__)
#include <arm_neon.h>

#include "base/fp16.h"

namespace ane {
namespace {

constexpr int kLanes = 4;
constexpr int kTileRows = 8;
constexpr int kTileVectors = 2;
constexpr int kDepth = 2;

#include "kernels/vec_load.inc"
#include "kernels/lanes_neon.inc"
#include "kernels/vec_math.inc"

inline F MultiplyWords(F sum, F a, F b) {
  return vbfdotq_f32(sum, __builtin_bit_cast(bfloat16x8_t, a), __builtin_bit_cast(bfloat16x8_t, b));
}
inline F ToWords(const F (&v)[2]) {
  return __builtin_bit_cast(F, vcvtq_high_bf16_f32(vcvtq_low_bf16_f32(v[0]), v[1]));
}
inline F JoinWords(const F (&v)[2]) {
  const uint16x8_t numbers = __builtin_bit_cast(uint16x8_t, ToWords(v));
  return __builtin_bit_cast(F, __builtin_shufflevector(numbers, numbers, 0, 4, 1, 5, 2, 6, 3, 7));
}

#include "kernels/gemm_body.inc"

}  // namespace

const GemmMicrokernel* NeonBf16Gemm() { return &kGemm; }

}  // namespace ane
#else
namespace ane {
const GemmMicrokernel* NeonBf16Gemm() { return nullptr; }
}  // namespace ane
#endif
