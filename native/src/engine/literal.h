// Numbers of MIL text.
#pragma once

#include <string_view>

#include "engine/types.h"

namespace ane::engine {

// Appends one number or bool, rounded once to `dtype`, to `bytes`. False when the text is no number
// of that type.
bool AppendNumber(std::string_view text, Dtype dtype, int bits, std::vector<uint8_t>* bytes);

// A number in any of the three float spellings (C99 hexadecimal, decimal, inf/nan).
bool ParseDouble(std::string_view text, double* out);
bool ParseInteger(std::string_view text, int64_t* out);

}  // namespace ane::engine
