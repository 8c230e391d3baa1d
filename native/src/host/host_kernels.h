// Host kernels of a schedule, in one table: name, operands, body.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/status.h"
#include "base/thread_pool.h"

namespace ane {

// Element (r, c) is at data + (r * row_stride + c * col_stride) elements; the caller has checked that all lie in
// memory.
struct TensorView {
  void* data;
  Dtype dtype;
  int64_t rows, cols, row_stride, col_stride;
};

struct KernelOperands {
  std::map<std::string, std::vector<TensorView>> views;
  std::map<std::string, double> numbers;
};

// What a kernel runs with beside its operands.
struct HostContext {
  ThreadPool& pool;
  bool exact;  // the device's math mode
};

struct HostKernel {
  const char* name;
  // Checks operands when a schedule is recorded: all present, none unknown, types and shapes consistent.
  Status (*check)(const KernelOperands& operands);
  // Runs. Allocates nothing once each thread of the pool has had a share of such a run; throws std::bad_alloc if it cannot
  // before, and fails in no other way.
  void (*run)(const KernelOperands& operands, const HostContext& context);
};

// nullptr when there is no such kernel.
const HostKernel* FindHostKernel(const std::string& name);
std::vector<std::string> HostKernelNames();

}  // namespace ane
