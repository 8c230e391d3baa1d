// Shape rules shared by families of operations.
#pragma once

#include <string_view>

#include "engine/op_call.h"

namespace ane::engine {

// numpy broadcasting; throws CompileError at operand `name` when the shapes do not fit.
Shape BroadcastShapes(const OpCall& call, std::string_view name, const Shape& a, const Shape& b);

}  // namespace ane::engine
