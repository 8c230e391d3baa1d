// What the processor and the operating system support.
#pragma once

namespace ane {

struct CpuFeatures {
  bool avx2 = false;    // with FMA and F16C
  bool avx_vnni = false;  // with all of avx2
  bool avx512 = false;  // F, BW, DQ and VL, with FMA and F16C
  bool avx512_bf16 = false;  // with all of avx512
  bool avx512_vnni = false;  // with all of avx512
  bool neon = false;    // AArch64
  bool neon_bf16 = false;
  bool neon_dotprod = false;
};

const CpuFeatures& Cpu();

}  // namespace ane
