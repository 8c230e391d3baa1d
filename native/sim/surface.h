// IOSurfaces: page-aligned memory that counts its locks.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sim/object.h"

namespace ane::sim {

struct Surface : Object {
  void* memory = nullptr;
  size_t bytes = 0;
  std::atomic<int> locks{0};
  std::atomic<uint32_t> seed{0};  // grows with every unlock after a write
  ~Surface();
};

void RegisterSurface();

}  // namespace ane::sim
