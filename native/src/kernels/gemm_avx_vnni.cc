// Products of int8 for x86 processors with AVX2 and AVX-VNNI.
#include "kernels/gemm_kernel.h"
#include "kernels/gemm_kernels.h"

#if defined(__x86_64__)

namespace ane {
namespace {

constexpr int kLanes = 8;
constexpr int kTileRows = 6;
constexpr int kTileVectors = 2;
constexpr int kDepth = 4;
constexpr bool kSignedColumns = false;

#include "kernels/vec_load.inc"

inline I MultiplyWords(I sum, I column, I row) {
  __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(column), "x"(row));
  return sum;
}

#include "kernels/gemm_int8_body.inc"

constexpr Int8Kernel kInt8 = MakeInt8Kernel("avx_vnni");

}  // namespace

const Int8Kernel* AvxVnniGemm() { return &kInt8; }

}  // namespace ane
#else
namespace ane {
const Int8Kernel* AvxVnniGemm() { return nullptr; }
}  // namespace ane
#endif
