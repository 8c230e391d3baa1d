// The chips the simulator can be, and the limits that are numbers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ane::sim {

struct Chip {
  const char* name;
  int family;            // 1 for M1 …
  const char* sub_type;  // as _ANEDeviceInfo reports it
  uint32_t engines;
  uint32_t cores;
  int64_t min_width;       // columns of an input or output (C-52)
  int64_t width_multiple;  // C-53, C-54
  int64_t compile_limit;   // distinct programs per process, 0: none (C-100, C-101)
  int64_t load_limit;      // distinct programs at a time, 0: none (C-102, C-103)
  int64_t max_blobs;       // weight records per program, 0: none (C-64)
  int64_t max_width;       // columns and rows of a tensor (C-60)
  int64_t max_kernel_width;
};

// "m4", "m4-pro", "M4 Pro" …; nullptr when there is no such chip.
const Chip* FindChip(std::string_view name);
const std::vector<Chip>& AllChips();

}  // namespace ane::sim
