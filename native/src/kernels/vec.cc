#include "kernels/vec.h"

#include <cstdlib>
#include <cstring>

#include "base/cpu_features.h"
#include "kernels/vec_tables.h"

namespace ane {

const VecTable* FindVec(const char* isa) {
  const struct {
    bool runs;
    const VecTable* table;
  } candidates[] = {
      {Cpu().avx512, Avx512Table()},
      {Cpu().avx2, Avx2Table()},
      {Cpu().neon, NeonTable()},
      {true, PortableTable()},
  };
  for (const auto& candidate : candidates) {
    if (!candidate.runs || candidate.table == nullptr) continue;
    if (isa == nullptr || std::strcmp(isa, candidate.table->isa) == 0) return candidate.table;
  }
  return nullptr;
}

const VecTable& Vec() {
  static const VecTable& table = [&]() -> const VecTable& {
    const char* isa = std::getenv("ANE_ISA");
    const VecTable* named = isa != nullptr && *isa != '\0' ? FindVec(isa) : nullptr;
    return named != nullptr ? *named : *FindVec(nullptr);
  }();
  return table;
}

}  // namespace ane
