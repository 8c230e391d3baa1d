// The table for AArch64 processors.
#include "kernels/gemm_kernel.h"
#include "kernels/matrix_vector_kernel.h"
#include "kernels/vec_tables.h"

#if defined(__aarch64__)
#include <arm_neon.h>

#include "base/fp16.h"

namespace ane {
namespace {

constexpr int kLanes = 4;
constexpr int kTileRows = 8;
constexpr int kTileVectors = 2;
constexpr int kRowSums = 16;

#include "kernels/vec_load.inc"
#include "kernels/lanes_neon.inc"

#include "kernels/vec_body.inc"
#include "kernels/gemm_fp32.inc"
#include "kernels/matrix_vector_body.inc"

constexpr VecTable kTable = MakeTable("neon", &kGemm, &kMatrixVector);

}  // namespace

const VecTable* NeonTable() { return &kTable; }

}  // namespace ane
#else
namespace ane {
const VecTable* NeonTable() { return nullptr; }
}  // namespace ane
#endif
