// Which operations run together, and in what order.
#pragma once

#include <optional>
#include <vector>

#include "engine/ir.h"

namespace ane::engine {

// Operation numbers per group, ascending; every group follows those whose results it reads and
// else keeps the place of its last operation. Element-wise operations over floating-point numbers
// run as one loop where they can, and so do small loops that follow each other and read the same;
// each of `units` is a group, others stand alone. Nothing when a unit would have to wait for
// itself.
std::optional<std::vector<std::vector<int>>> GroupOperations(
    const Function& function, const std::vector<std::vector<int>>& units);

// An element-wise operation on fp16, fp32 and bool only.
bool IsFusable(const Function& function, const Operation& operation);

}  // namespace ane::engine
