// From parsed text to checked operations over known shapes.
#pragma once

#include "engine/executable.h"
#include "engine/ir.h"

namespace ane::engine {

// Drops operations no output needs, reads weights, finds every type and compares it with the
// declared one, and replaces what depends on constants only by its value.
//
// Throws CompileError.
void Analyse(Function* function, const CompileOptions& options);

}  // namespace ane::engine
