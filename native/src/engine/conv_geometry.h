// Padding, stride and output size of sliding windows.
#pragma once

#include <algorithm>

#include "engine/op_call.h"

namespace ane::engine {

// One entry per spatial dimension.
struct ConvGeometry {
  Shape stride, dilation, before, after, out;
  bool padded() const {
    const auto positive = [](int64_t n) { return n > 0; };
    return std::any_of(before.begin(), before.end(), positive) ||
           std::any_of(after.begin(), after.end(), positive);
  }
};

// Reads strides, dilations, pad_type and pad of a call whose x is [N, C, *D].
ConvGeometry ReadGeometry(const OpCall& call, const Shape& kernel);

}  // namespace ane::engine
