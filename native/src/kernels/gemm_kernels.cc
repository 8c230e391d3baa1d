#include "kernels/gemm_kernels.h"

#include "base/cpu_features.h"
#include "kernels/vec.h"
#include "kernels/vec_tables.h"

namespace ane {

const GemmMicrokernel& GemmKernel(Arithmetic arithmetic) {
  if (arithmetic == Arithmetic::kBf16) {
    if (&Vec() == Avx512Table() && Cpu().avx512_bf16) return *Avx512Bf16Gemm();
    if (&Vec() == NeonTable() && Cpu().neon_bf16) return *NeonBf16Gemm();
  }
  return *Vec().gemm;
}

const Int8Kernel* Int8Gemm() {
  return &Vec() == Avx512Table() && Cpu().avx512_vnni ? Avx512VnniGemm() : nullptr;
}

Arithmetic ArithmeticOf(bool exact) {
  return !exact && &GemmKernel(Arithmetic::kBf16) != Vec().gemm ? Arithmetic::kBf16 : Arithmetic::kFp32;
}

}  // namespace ane
