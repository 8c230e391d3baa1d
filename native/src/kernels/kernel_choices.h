// Which kernels multiply what on this processor, and what the others lack.
#pragma once

#include <vector>

namespace ane {

// A kernel compiled into this library.
struct KernelChoice {
  const char* factors;  // "fp32", "bf16", "int8"
  const char* kernel;   // e.g. "avx512_vnni"
  const char* needs;    // what it asks of the processor; nullptr for nothing
  bool runs;            // the processor has that
  bool used;
};

// Kernels of the same factors stand together, best first. Factors of bf16 are those of `fast`; with none in use they are
// multiplied as fp32.
std::vector<KernelChoice> KernelChoices();

}  // namespace ane
