// The table for AArch64 processors.
#include "kernels/vec_tables.h"

#if defined(__aarch64__)
#include <arm_neon.h>

#include "base/fp16.h"

namespace ane {
namespace {

constexpr int kLanes = 4;
typedef float F __attribute__((vector_size(4 * kLanes)));
typedef int32_t I __attribute__((vector_size(4 * kLanes)));

inline F LoadHalf(const uint16_t* p) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))); }
inline void StoreHalf(uint16_t* p, F v) { vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(v))); }
inline F SquareRoot(F v) { return vsqrtq_f32(v); }

#include "kernels/vec_body.inc"

constexpr VecTable kTable = MakeTable("neon", nullptr);

}  // namespace

const VecTable* NeonTable() { return &kTable; }

}  // namespace ane
#else
namespace ane {
const VecTable* NeonTable() { return nullptr; }
}  // namespace ane
#endif
