#include "sim/chips.h"

namespace ane::sim {

// Sources: ane-private-api.md section 8 for sub-types; ane-constraints.md for the limits. Widths
// were measured on M3 Max (32), M4 Max (multiples of 16) and M5 Max (multiples of 32, from 32); M1
// and M2 take the 16 columns of C-51. The compile limit was seen on M4 chips, its absence on M1 Pro
// and M3; the load limit on M5 Max, its absence on M3 Max. Sizes end at 16384 up to A15 (M1, M2)
// and at 65536 from A16 (M3) on, kernels at 13 columns on M1 and at 15 on later chips. Chips nobody
// reported on take the values of their family.
const std::vector<Chip>& AllChips() {
  static const std::vector<Chip>* const chips = new std::vector<Chip>{
      // name, family, sub-type, engines, cores, min width, multiple, compiles, loads, blobs, max
      // width, kernel width
      {"m1", 1, "h13g", 1, 16, 16, 1, 0, 127, 0, 16384, 13},
      {"m1-pro", 1, "h13g", 1, 16, 16, 1, 0, 127, 0, 16384, 13},
      {"m1-max", 1, "h13g", 1, 16, 16, 1, 0, 127, 0, 16384, 13},
      {"m1-ultra", 1, "h13g", 2, 32, 16, 1, 0, 127, 0, 16384, 13},
      {"m2", 2, "h14g", 1, 16, 16, 1, 0, 127, 0, 16384, 15},
      {"m2-pro", 2, "h14g", 1, 16, 16, 1, 0, 127, 0, 16384, 15},
      {"m2-max", 2, "h14g", 1, 16, 16, 1, 0, 127, 0, 16384, 15},
      {"m2-ultra", 2, "h14g", 2, 32, 16, 1, 0, 127, 0, 16384, 15},
      {"m3", 3, "h15g", 1, 16, 32, 1, 0, 0, 0, 65536, 15},
      {"m3-pro", 3, "h15g", 1, 16, 32, 1, 0, 0, 0, 65536, 15},
      {"m3-max", 3, "h15g", 1, 16, 32, 1, 0, 0, 0, 65536, 15},
      {"m3-ultra", 3, "h15g", 2, 32, 32, 1, 0, 0, 0, 65536, 15},
      {"m4", 4, "h16g", 1, 16, 16, 16, 119, 127, 0, 65536, 15},
      {"m4-pro", 4, "h16g", 1, 16, 16, 16, 119, 127, 0, 65536, 15},
      {"m4-max", 4, "h16g", 1, 16, 16, 16, 119, 127, 0, 65536, 15},
      {"m5", 5, "h16g", 1, 16, 32, 32, 0, 127, 16, 65536, 15},
      {"m5-pro", 5, "h17s", 1, 16, 32, 32, 0, 127, 16, 65536, 15},
      {"m5-max", 5, "h17", 1, 16, 32, 32, 0, 127, 16, 65536, 15},
  };
  return *chips;
}

const Chip* FindChip(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    plain += c == ' ' || c == '_' ? '-' : (c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c);
  }
  for (const Chip& chip : AllChips()) {
    if (plain == chip.name) return &chip;
  }
  return nullptr;
}

}  // namespace ane::sim
