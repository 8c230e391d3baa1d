// Prints the instruction sets of this processor's kernels, best first.
#include <cstdio>
#include <initializer_list>

#include "kernels/vec.h"

int main() {
  for (const char* isa : {"avx512", "avx2", "neon", "portable"}) {
    if (ane::FindVec(isa) != nullptr) std::puts(isa);
  }
}
