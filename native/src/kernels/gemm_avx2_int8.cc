// Products of int8 for x86 processors with AVX2, as numbers of 16 bits: its products of 8 bits saturate.
#include "kernels/gemm_kernel.h"
#include "kernels/gemm_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

namespace ane {
namespace {

constexpr int kLanes = 8;
constexpr int kTileRows = 6;
constexpr int kTileVectors = 2;
constexpr int kDepth = 2;
constexpr bool kSignedColumns = true;

#include "kernels/vec_load.inc"

inline I MultiplyWords(I sum, I column, I row) {
  return sum + __builtin_bit_cast(I, _mm256_madd_epi16(__builtin_bit_cast(__m256i, column),
                                                       __builtin_bit_cast(__m256i, row)));
}

#include "kernels/gemm_int8_body.inc"

constexpr Int8Kernel kInt8 = MakeInt8Kernel("avx2");

}  // namespace

const Int8Kernel* Avx2Int8Gemm() { return &kInt8; }

}  // namespace ane
#else
namespace ane {
const Int8Kernel* Avx2Int8Gemm() { return nullptr; }
}  // namespace ane
#endif
