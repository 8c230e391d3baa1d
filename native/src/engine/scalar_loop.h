// Element-wise operations on any element type, one element at a time in double precision.
#pragma once

#include "engine/lowering.h"

namespace ane::engine {

void LowerScalarLoop(const OpCall& call, Lowering& lowering);

// The view of an element-wise operand: a per-channel vector (prelu's alpha) is laid along axis 1 of
// x.
View ChannelOperand(const OpCall& call, std::string_view name, const View& view);

}  // namespace ane::engine
