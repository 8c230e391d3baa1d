// The matrix product for x86 processors with AVX-512 F, BW, DQ, VL and BF16. The dot products take subnormal numbers of
// fp32's range as zero, as the processor does; those of fp16 are normal numbers there.
#include "kernels/gemm_kernel.h"
#include "kernels/gemm_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "base/fp16.h"

namespace ane {
namespace {

constexpr int kLanes = 16;
constexpr int kTileRows = 12;
constexpr int kTileVectors = 2;
constexpr int kDepth = 2;

#include "kernels/vec_load.inc"
#include "kernels/lanes_avx512.inc"
#include "kernels/vec_math.inc"

inline F MultiplyWords(F sum, F a, F b) {
  return _mm512_dpbf16_ps(sum, __builtin_bit_cast(__m512bh, a), __builtin_bit_cast(__m512bh, b));
}
inline F ToWords(const F (&v)[2]) { return __builtin_bit_cast(F, _mm512_cvtne2ps_pbh(v[1], v[0])); }
inline F JoinWords(const F (&v)[2]) {
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21,
                                         5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return __builtin_bit_cast(F, _mm512_permutexvar_epi16(order, __builtin_bit_cast(__m512i, ToWords(v))));
}

#include "kernels/gemm_body.inc"

}  // namespace

const GemmMicrokernel* Avx512Bf16Gemm() { return &kGemm; }

}  // namespace ane
#else
namespace ane {
const GemmMicrokernel* Avx512Bf16Gemm() { return nullptr; }
}  // namespace ane
#endif
