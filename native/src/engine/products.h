// Matrix products between views.
#pragma once

#include "engine/lowering.h"

namespace ane::engine {

// out [..., M, N] = x [..., M, K] · y [..., K, N]; batch dimensions of x and y broadcast to those of out. All of fp16 or
// fp32; any strides.
void EmitProduct(Lowering& lowering, const View& x, const View& y, const View& out);

}  // namespace ane::engine
