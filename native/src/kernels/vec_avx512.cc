// The table for x86 processors with AVX-512 F, BW, DQ, VL.
#include "kernels/gemm_kernel.h"
#include "kernels/matrix_vector_kernel.h"
#include "kernels/vec_tables.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "base/fp16.h"

namespace ane {
namespace {

constexpr int kLanes = 16;
constexpr int kTileRows = 12;
constexpr int kTileVectors = 2;
constexpr int kRowSums = 20;

#include "kernels/vec_load.inc"
#include "kernels/lanes_avx512.inc"
#include "kernels/vec_body.inc"
#include "kernels/gemm_fp32.inc"
#include "kernels/matrix_vector_body.inc"

constexpr VecTable kTable = MakeTable("avx512", &kGemm, &kMatrixVector);

}  // namespace

const VecTable* Avx512Table() { return &kTable; }

}  // namespace ane
#else
namespace ane {
const VecTable* Avx512Table() { return nullptr; }
}  // namespace ane
#endif
