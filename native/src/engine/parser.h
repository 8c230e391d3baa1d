// MIL text to functions.
#pragma once

#include <string_view>
#include <vector>

#include "engine/ir.h"

namespace ane::engine {

// Reads both spellings of types and values in any version. Texts above 256 MiB, nesting above 64
// and functions above a million values are refused. The functions borrow names from `text`.
//
// Throws CompileError at the offending token.
std::vector<Function> Parse(std::string_view text);

}  // namespace ane::engine
