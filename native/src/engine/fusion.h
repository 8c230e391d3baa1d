// Which element-wise operations run as one loop.
#pragma once

#include <vector>

#include "engine/ir.h"

namespace ane::engine {

// Operation numbers per group, ascending, groups ordered by their last operation, where they run.
// Operations that are not element-wise over floating-point numbers form groups of one.
std::vector<std::vector<int>> GroupElementwise(const Function& function);

// An element-wise operation on fp16, fp32 and bool only.
bool IsFusable(const Function& function, const Operation& operation);

}  // namespace ane::engine
