// The table for x86 processors with AVX2, FMA and F16C.
#include "kernels/gemm_kernel.h"
#include "kernels/matrix_vector_kernel.h"
#include "kernels/vec_tables.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "base/fp16.h"

namespace ane {
namespace {

constexpr int kLanes = 8;
constexpr int kTileRows = 6;
constexpr int kTileVectors = 2;
constexpr int kRowSums = 8;

#include "kernels/vec_load.inc"
#include "kernels/lanes_avx2.inc"
#include "kernels/vec_body.inc"
#include "kernels/gemm_fp32.inc"
#include "kernels/matrix_vector_body.inc"

constexpr VecTable kTable = MakeTable("avx2", &kGemm, &kMatrixVector);

}  // namespace

const VecTable* Avx2Table() { return &kTable; }

}  // namespace ane
#else
namespace ane {
const VecTable* Avx2Table() { return nullptr; }
}  // namespace ane
#endif
