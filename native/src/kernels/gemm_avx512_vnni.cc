// Products of int8 for x86 processors with AVX-512 F, BW, DQ, VL and VNNI: words of four numbers, sums in int32.
#include "kernels/gemm_kernel.h"
#include "kernels/gemm_kernels.h"

#if defined(__x86_64__)

namespace ane {
namespace {

constexpr int kLanes = 16;
constexpr int kTileRows = kInt8Rows;
constexpr int kTileVectors = kInt8Columns / kLanes;
constexpr int kDepth = kInt8Depth;

#include "kernels/vec_load.inc"

inline F Set(float x) { return F{} + x; }
inline I SetInt(int32_t x) { return I{} + x; }
inline I LoadWords(const uint32_t* p) { return __builtin_bit_cast(I, Load(reinterpret_cast<const float*>(p))); }
// Bytes of `a` are without sign, those of `b` with one. g++ 12 copies every sum around the intrinsic.
template <typename Sum>
inline Sum MultiplyWords(Sum sum, Sum a, Sum b) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
  return sum;
}

void Tile(int64_t words, const uint32_t* rows, const uint32_t* columns, const int32_t* corrections,
          const float* scales, float* out) {
  I sums[kTileRows][kTileVectors] = {};
  for (int64_t word = 0; word < words; ++word) {
    I column[kTileVectors];
#pragma GCC unroll 16
    for (int v = 0; v < kTileVectors; ++v) column[v] = LoadWords(columns + v * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < kTileRows; ++r) {
      const I row = SetInt(static_cast<int32_t>(rows[r]));
#pragma GCC unroll 16
      for (int v = 0; v < kTileVectors; ++v) sums[r][v] = MultiplyWords(sums[r][v], column[v], row);
    }
    rows += kTileRows;
    columns += kInt8Columns;
  }
#pragma GCC unroll 16
  for (int r = 0; r < kTileRows; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < kTileVectors; ++v) {
      const F sum = __builtin_convertvector(sums[r][v] - SetInt(corrections[r]), F);
      Store(out + r * kInt8Columns + v * kLanes, sum * Set(scales[r]));
    }
  }
}

#include "kernels/peak_body.inc"

constexpr Int8Kernel kInt8 = {Tile, kMultiplyAdds};

}  // namespace

const Int8Kernel* Avx512VnniGemm() { return &kInt8; }

}  // namespace ane
#else
namespace ane {
const Int8Kernel* Avx512VnniGemm() { return nullptr; }
}  // namespace ane
#endif
