// Products of int8 for x86 processors with AVX-512 F, BW, DQ, VL and VNNI: words of four numbers, sums in int32.
#include "kernels/gemm_kernel.h"
#include "kernels/gemm_kernels.h"

#if defined(__x86_64__)
#include "base/fp16.h"

namespace ane {
namespace {

constexpr int kLanes = 16;
constexpr int kTileRows = 12;
constexpr int kTileVectors = 2;
constexpr int kDepth = 4;

#include "kernels/vec_load.inc"

inline F Set(float x) { return F{} + x; }
// Bytes of `a` are without sign, those of `b` with one. g++ 12 copies every sum around the intrinsic.
inline F MultiplyWords(F sum, F a, F b) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
  return sum;
}

#include "kernels/peak_body.inc"

}  // namespace

const MultiplyAdds* Avx512VnniMultiplyAdds() { return &kMultiplyAdds; }

}  // namespace ane
#else
namespace ane {
const MultiplyAdds* Avx512VnniMultiplyAdds() { return nullptr; }
}  // namespace ane
#endif
