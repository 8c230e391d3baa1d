#include "base/cpu_features.h"

#include <cstdint>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace ane {
namespace {

#if defined(__x86_64__)
// The compilers' own __builtin_cpu_supports needs a part of their run-time library that cross-compilers may lack.
struct CpuId {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;  // zero where the processor has no such leaf

  CpuId(uint32_t leaf, uint32_t subleaf) { __get_cpuid_count(leaf, subleaf, &eax, &ebx, &ecx, &edx); }
};

constexpr bool Has(uint32_t word, int bit) { return (word >> bit & 1) != 0; }

// Which registers the operating system saves when it switches threads.
uint32_t SavedRegisters() {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}
#elif defined(__aarch64__) && defined(__APPLE__)
// Whether the processor has what Arm calls FEAT_<name>; no where the system does not know the name.
bool Has(const char* name) {
  int has = 0;
  size_t size = sizeof has;
  return sysctlbyname(name, &has, &size, nullptr, 0) == 0 && has != 0;
}
#endif

CpuFeatures Detect() {
  CpuFeatures features;
#if defined(__x86_64__)
  const CpuId basic(1, 0), extended(7, 0), further(7, 1);
  constexpr uint32_t kVectors = 0x6, kMasksAndWideVectors = 0xe6;
  const uint32_t saved = Has(basic.ecx, 27) ? SavedRegisters() : 0;
  const bool fma = Has(basic.ecx, 12), avx = Has(basic.ecx, 28), f16c = Has(basic.ecx, 29), avx2 = Has(extended.ebx, 5);
  features.avx2 = (saved & kVectors) == kVectors && avx && avx2 && fma && f16c;
  features.avx_vnni = features.avx2 && Has(further.eax, 4);
  const bool f = Has(extended.ebx, 16), dq = Has(extended.ebx, 17), bw = Has(extended.ebx, 30),
             vl = Has(extended.ebx, 31);
  features.avx512 = features.avx2 && (saved & kMasksAndWideVectors) == kMasksAndWideVectors && f && dq && bw && vl;
  features.avx512_vnni = features.avx512 && Has(extended.ecx, 11);
  features.avx512_bf16 = features.avx512 && Has(further.eax, 5);
#elif defined(__aarch64__)
  features.neon = true;
#if defined(__APPLE__)
  features.neon_bf16 = Has("hw.optional.arm.FEAT_BF16");
  features.neon_dotprod = Has("hw.optional.arm.FEAT_DotProd");
#else
  // Bits of Linux's <asm/hwcap.h>, which older systems do not name.
  features.neon_bf16 = (getauxval(AT_HWCAP2) >> 14 & 1) != 0;
  features.neon_dotprod = (getauxval(AT_HWCAP) >> 20 & 1) != 0;
#endif
#endif
  return features;
}

}  // namespace

const CpuFeatures& Cpu() {
  static const CpuFeatures features = Detect();
  return features;
}

}  // namespace ane
