#include "kernels/kernel_choices.h"

#include "base/cpu_features.h"
#include "kernels/gemm_kernels.h"
#include "kernels/vec_tables.h"

namespace ane {

std::vector<KernelChoice> KernelChoices() {
  constexpr const char* kAvx512 = "AVX-512 F, BW, DQ and VL";
  constexpr const char* kAvx2 = "AVX2, FMA and F16C";
  const CpuFeatures& cpu = Cpu();
  std::vector<KernelChoice> choices;
  const auto table = [&](const VecTable* vec, const char* needs, bool runs) {
    if (vec != nullptr) choices.push_back({"fp32", vec->isa, needs, runs, vec == &Vec()});
  };
  table(Avx512Table(), kAvx512, cpu.avx512);
  table(Avx2Table(), kAvx2, cpu.avx2);
  table(NeonTable(), "AArch64", cpu.neon);
  table(PortableTable(), nullptr, true);

  const auto halves = [&](const GemmMicrokernel* kernel, const char* name, const char* needs, bool runs) {
    const bool used = kernel == &GemmKernel(Arithmetic::kBf16);
    if (kernel != nullptr) choices.push_back({"bf16", name, needs, runs, used});
  };
  halves(Avx512Bf16Gemm(), "avx512_bf16", "AVX512-BF16", cpu.avx512_bf16);
  halves(NeonBf16Gemm(), "neon_bf16", "BF16", cpu.neon_bf16);

  const auto bytes = [&](const Int8Kernel* kernel, const char* needs, bool runs) {
    if (kernel != nullptr) choices.push_back({"int8", kernel->isa, needs, runs, kernel == &Int8Gemm()});
  };
  bytes(Avx512VnniGemm(), "AVX512-VNNI", cpu.avx512_vnni);
  bytes(AvxVnniGemm(), "AVX-VNNI", cpu.avx_vnni);
  bytes(Avx2Int8Gemm(), kAvx2, cpu.avx2);
  bytes(NeonDotprodGemm(), "DotProd", cpu.neon_dotprod);
  bytes(PortableInt8Gemm(), nullptr, true);
  return choices;
}

}  // namespace ane
