// Products of int8 for AArch64 processors with DotProd.
#include "kernels/gemm_kernel.h"
#include "kernels/gemm_kernels.h"

#if defined(__aarch64__)
#include <arm_neon.h>

namespace ane {
namespace {

constexpr int kLanes = 4;
constexpr int kTileRows = 6;
constexpr int kTileVectors = 4;
constexpr int kDepth = 4;
constexpr bool kSignedColumns = true;

#include "kernels/vec_load.inc"

inline I MultiplyWords(I sum, I column, I row) {
  return vdotq_s32(sum, __builtin_bit_cast(int8x16_t, column), __builtin_bit_cast(int8x16_t, row));
}

#include "kernels/gemm_int8_body.inc"

constexpr Int8Kernel kInt8 = MakeInt8Kernel("neon_dotprod");

}  // namespace

const Int8Kernel* NeonDotprodGemm() { return &kInt8; }

}  // namespace ane
#else
namespace ane {
const Int8Kernel* NeonDotprodGemm() { return nullptr; }
}  // namespace ane
#endif
