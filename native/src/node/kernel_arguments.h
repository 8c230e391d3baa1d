// What a host kernel of a schedule works on, read from JavaScript.
#pragma once

#include <napi.h>

#include <memory>
#include <vector>

#include "base/status.h"
#include "node/arguments.h"
#include "schedule/schedule.h"

namespace ane::node {

// What one kernel entry refers to, gathered before anything is recorded.
struct KernelArguments {
  KernelOperands values;
  std::vector<std::shared_ptr<Surface>> surfaces;
  std::vector<ArrayReference> arrays;
};

// [[name, number | [view, …]], …] with views {of, rows, cols, offset, rowStride, colStride}, each of a surface or a typed
// array.
Result<KernelArguments> ReadKernelArguments(const Napi::Value& value);

}  // namespace ane::node
