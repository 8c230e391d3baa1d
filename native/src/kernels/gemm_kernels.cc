#include "kernels/gemm_kernels.h"

#include "base/cpu_features.h"
#include "kernels/gemm_int8.h"
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

std::vector<const Int8Kernel*> Int8Gemms() {
  const VecTable* vec = &Vec();
  const bool avx512 = vec == Avx512Table(), avx2 = avx512 || vec == Avx2Table(), neon = vec == NeonTable();
  const struct {
    bool runs;
    const Int8Kernel* kernel;
  } candidates[] = {
      {avx512 && Cpu().avx512_vnni, Avx512VnniGemm()}, {avx2 && Cpu().avx_vnni, AvxVnniGemm()},
      {avx2, Avx2Int8Gemm()},                          {neon && Cpu().neon_dotprod, NeonDotprodGemm()},
      {true, PortableInt8Gemm()},
  };
  std::vector<const Int8Kernel*> kernels;
  for (const auto& candidate : candidates) {
    if (candidate.runs && candidate.kernel != nullptr) kernels.push_back(candidate.kernel);
  }
  return kernels;
}

const Int8Kernel& Int8Gemm() {
  static const Int8Kernel& kernel = *Int8Gemms().front();
  return kernel;
}

Arithmetic ArithmeticOf(bool exact) {
  return !exact && &GemmKernel(Arithmetic::kBf16) != Vec().gemm ? Arithmetic::kBf16 : Arithmetic::kFp32;
}

}  // namespace ane
