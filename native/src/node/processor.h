#pragma once

#include "base/status.h"

namespace ane::node {

// OUT_OF_RANGE for an ANE_ISA this processor lacks. The kernels are chosen once per process, so it is asked before the
// first choice.
Status CheckIsa();

}  // namespace ane::node
