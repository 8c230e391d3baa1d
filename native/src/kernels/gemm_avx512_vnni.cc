// Products of int8 for x86 processors with AVX-512 F, BW, DQ, VL and VNNI.
#include "kernels/gemm_kernel.h"
#include "kernels/gemm_kernels.h"

#if defined(__x86_64__)

namespace ane {
namespace {

constexpr int kLanes = 16;
constexpr int kTileRows = 12;
constexpr int kTileVectors = 2;
constexpr int kDepth = 4;
constexpr bool kSignedColumns = false;

#include "kernels/vec_load.inc"

// g++ 12 copies every sum around the intrinsic.
inline I MultiplyWords(I sum, I column, I row) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(column), "v"(row));
  return sum;
}

#include "kernels/gemm_int8_body.inc"

constexpr Int8Kernel kInt8 = MakeInt8Kernel("avx512_vnni");

}  // namespace

const Int8Kernel* Avx512VnniGemm() { return &kInt8; }

}  // namespace ane
#else
namespace ane {
const Int8Kernel* Avx512VnniGemm() { return nullptr; }
}  // namespace ane
#endif
