// Emits reductions and the element-wise operations around them as one node.
#pragma once

#include "engine/groups.h"
#include "engine/lowering.h"
#include "engine/reducing_match.h"

namespace ane::engine {

// False, with nothing emitted, when the operations need more memory than a thread has for them.
bool EmitReducing(Lowering& lowering, const Function& function, const Groups& groups,
                  const ReducingMatch& match);

}  // namespace ane::engine
