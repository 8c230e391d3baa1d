// Emits products of 8-bit numbers as single nodes.
#pragma once

#include "engine/lowering.h"
#include "engine/op_call.h"

namespace ane::engine {

// `call` is the product of the match.
void EmitQuantized(const OpCall& call, const QuantizedMatch& match, Lowering& lowering);

}  // namespace ane::engine
