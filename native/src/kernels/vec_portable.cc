// The table for processors without a file of their own: four lanes of the compiler's vector arithmetic.
#include "base/fp16.h"
#include "kernels/vec_tables.h"

namespace ane {
namespace {

constexpr int kLanes = 4;
typedef float F __attribute__((vector_size(4 * kLanes)));
typedef int32_t I __attribute__((vector_size(4 * kLanes)));

inline F LoadHalf(const uint16_t* p) {
  return F{Fp16ToFp32(p[0]), Fp16ToFp32(p[1]), Fp16ToFp32(p[2]), Fp16ToFp32(p[3])};
}
inline void StoreHalf(uint16_t* p, F v) {
  for (int j = 0; j < kLanes; ++j) p[j] = Fp32ToFp16(v[j]);
}
inline F SquareRoot(F v) {
  return F{__builtin_sqrtf(v[0]), __builtin_sqrtf(v[1]), __builtin_sqrtf(v[2]), __builtin_sqrtf(v[3])};
}

#include "kernels/vec_body.inc"

constexpr VecTable kTable = MakeTable("portable", nullptr);

}  // namespace

const VecTable* PortableTable() { return &kTable; }

}  // namespace ane
