// Matrix products between views.
#pragma once

#include "engine/lowering.h"

namespace ane::engine {

// out [..., M, N] = x [..., M, K] · y [..., K, N]; batch dimensions of x and y broadcast to those
// of out. All of fp16 or fp32; any strides. With `accumulate` the product is added to out, which is
// then fp32.
void EmitProduct(Lowering& lowering, const View& x, const View& y, const View& out,
                 bool accumulate = false);

// out = sum + bias, rounded once; the bias broadcasts. No bias: a conversion.
void EmitBias(Lowering& lowering, const View& sum, const View* bias, const View& out);

}  // namespace ane::engine
