// Copying a view into the middle of a larger one.
#pragma once

#include "engine/lowering.h"

namespace ane::engine {

enum class PadMode { kConstant, kReflect, kReplicate };

// x lies in `out` at `before`; the border is a constant or continues x.
void EmitPadding(Lowering& lowering, const View& x, const View& out,
                 const std::vector<int64_t>& before, PadMode mode, double constant);

}  // namespace ane::engine
