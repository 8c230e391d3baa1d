#include "schedule/schedule.h"

#include <chrono>
#include <exception>
#include <new>
#include <string>
#include <utility>

namespace ane {
namespace {

using Clock = std::chrono::steady_clock;

double MillisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

Status DisposedDevice() { return InvalidArgument("Expected a live device, got a disposed one."); }

std::vector<const void*> InputPointers(const std::vector<std::shared_ptr<Surface>>& surfaces) {
  std::vector<const void*> pointers;
  for (const auto& surface : surfaces) pointers.push_back(surface->data());
  return pointers;
}

std::vector<void*> OutputPointers(const std::vector<std::shared_ptr<Surface>>& surfaces) {
  std::vector<void*> pointers;
  for (const auto& surface : surfaces) pointers.push_back(surface->data());
  return pointers;
}

MemoryRange RangeOf(const void* data, size_t bytes) {
  const auto begin = reinterpret_cast<uintptr_t>(data);
  return {begin, begin + bytes};
}

MemoryRange RangeOf(const TensorView& view) {
  if (view.rows == 0 || view.cols == 0) return RangeOf(view.data, 0);
  const int64_t last = (view.rows - 1) * view.row_stride + (view.cols - 1) * view.col_stride;
  return RangeOf(view.data, static_cast<size_t>(last + 1) * SizeOf(view.dtype));
}

}  // namespace

Result<TensorView> MakeView(const Region& region, Dtype dtype, int64_t rows, int64_t cols, int64_t offset,
                            int64_t row_stride, int64_t col_stride) {
  const size_t size = SizeOf(dtype);
  if (size == 0 || rows < 0 || cols < 0 || offset < 0 || row_stride < 0 || col_stride < 0) {
    return InvalidArgument("Expected rows, cols, offset and strides of at least 0 for a view.");
  }
  const uint64_t limit = region.bytes / size;  // elements
  // 128-bit sums: every factor is below 2^63, so nothing wraps.
  using Wide = unsigned __int128;
  const bool empty = rows == 0 || cols == 0;
  const Wide last = empty ? Wide(0)
                          : Wide(offset) + Wide(rows - 1) * Wide(row_stride) + Wide(cols - 1) * Wide(col_stride);
  const bool inside = empty ? Wide(offset) <= limit : last < limit;
  if (!inside) {
    return InvalidArgument("Expected a view inside its " + std::to_string(limit) + " elements, got " +
                           std::to_string(rows) + " x " + std::to_string(cols) + " at offset " +
                           std::to_string(offset) + " with strides " + std::to_string(row_stride) + ", " +
                           std::to_string(col_stride) + ".");
  }
  return TensorView{static_cast<char*>(region.data) + static_cast<size_t>(offset) * size, dtype, rows, cols, row_stride,
                    col_stride};
}

Schedule::Schedule(std::shared_ptr<Device> device) : device_(std::move(device)) {}

Status Schedule::CheckIdle() const {
  if (executing_.load(std::memory_order_acquire)) {
    return InvalidArgument("Expected an idle schedule, got one that is executing.");
  }
  return {};
}

Status Schedule::AddRun(std::shared_ptr<Program> program, std::vector<std::shared_ptr<Surface>> inputs,
                        std::vector<std::shared_ptr<Surface>> outputs) {
  Status status = CheckIdle();
  if (!status.ok()) return status;
  if (&program->device() != device_.get()) {
    return InvalidArgument("Expected an executable of the schedule's device, got one of another.");
  }
  if (program->disposed()) return InvalidArgument("Expected a live executable, got a disposed one.");
  status = program->CheckBindings(inputs, outputs);
  if (!status.ok()) return status;
  Entry entry;
  entry.program = std::move(program);
  entry.inputs = InputPointers(inputs);
  entry.outputs = OutputPointers(outputs);
  entry.written = outputs;
  entry.surfaces = std::move(inputs);
  entry.surfaces.insert(entry.surfaces.end(), outputs.begin(), outputs.end());
  for (const auto& surface : entry.surfaces) entry.memory.push_back(RangeOf(surface->data(), surface->bytes()));
  entries_.push_back(std::move(entry));
  milliseconds_.resize(entries_.size());
  return {};
}

Status Schedule::AddKernel(const std::string& name, KernelOperands operands,
                           std::vector<std::shared_ptr<Surface>> surfaces,
                           std::vector<std::shared_ptr<Surface>> written) {
  Status status = CheckIdle();
  if (!status.ok()) return status;
  const HostKernel* kernel = FindHostKernel(name);
  if (kernel == nullptr) return InvalidArgument("Expected the name of a host kernel, got " + name + ".");
  status = kernel->check(operands);
  if (!status.ok()) return status;
  for (const auto& surface : surfaces) {
    if (surface->disposed()) return InvalidArgument("Expected live surfaces for " + name + ", got a disposed one.");
  }
  Entry entry;
  entry.kernel = kernel;
  for (const auto& [_, views] : operands.views) {
    for (const TensorView& view : views) entry.memory.push_back(RangeOf(view));
  }
  entry.operands = std::move(operands);
  entry.surfaces = std::move(surfaces);
  entry.written = std::move(written);
  entries_.push_back(std::move(entry));
  milliseconds_.resize(entries_.size());
  return {};
}

Status Schedule::Begin() {
  if (device_->disposed()) return DisposedDevice();
  for (const Entry& entry : entries_) {
    if (entry.program && entry.program->disposed()) {
      return InvalidArgument("Expected live executables in the schedule, got a disposed one.");
    }
    for (const auto& surface : entry.surfaces) {
      if (surface->disposed()) return InvalidArgument("Expected live surfaces in the schedule, got a disposed one.");
    }
  }
  if (executing_.exchange(true, std::memory_order_acq_rel)) {
    return InvalidArgument("Expected an idle schedule, got one that is executing.");
  }
  return {};
}

Status Schedule::Execute() {
  const Device::Session session(*device_);
  if (session.pool() == nullptr) return DisposedDevice();
  const Clock::time_point start = Clock::now();
  for (size_t i = 0; i < entries_.size(); ++i) {
    Status status = RunEntry(i, session);
    if (!status.ok()) return status;
  }
  total_milliseconds_ = MillisecondsSince(start);
  return {};
}

Status Schedule::RunEntry(size_t index, const Device::Session& session, Readiness* ready) {
  const Clock::time_point start = Clock::now();
  Status status;
  try {
    status = Run(entries_[index], session, ready);
  } catch (const std::bad_alloc&) {
    status = {"OUT_OF_MEMORY", "No memory."};  // short enough to need none
  }
  milliseconds_[index] = MillisecondsSince(start);
  return status;
}

Status Schedule::Run(const Entry& entry, const Device::Session& session, Readiness* ready) const {
  if (entry.program) {
    const Executable& executable = entry.program->executable();
    void* scratch = session.scratch();
    ThreadPool& pool = *session.pool();
    Status status = ready == nullptr ? executable.Run(entry.inputs, entry.outputs, scratch, pool)
                                     : executable.RunAsReady(entry.inputs, entry.outputs, scratch, pool, *ready);
    if (!status.ok()) return status;
  } else {
    for (size_t i = 0; ready != nullptr && i < entry.memory.size(); ++i) {
      if (!ready->Await(i)) return {"ANE_EVAL_FAILED", std::string("What ") + entry.kernel->name + " needs never became ready."};
    }
    try {
      entry.kernel->run(entry.operands, HostContext{*session.pool(), device_->exact()});
    } catch (const std::bad_alloc&) {
      return {"OUT_OF_MEMORY", std::string("Not enough memory for what ") + entry.kernel->name + " works with."};
    }
  }
  for (const auto& surface : entry.written) surface->Touch();
  return {};
}

Result<double> RunOnce(const Program& program, const std::vector<std::shared_ptr<Surface>>& inputs,
                       const std::vector<std::shared_ptr<Surface>>& outputs) {
  const auto in = InputPointers(inputs);
  const auto out = OutputPointers(outputs);
  const Device::Session session(program.device());
  if (session.pool() == nullptr) return DisposedDevice();
  const Clock::time_point start = Clock::now();
  Status status = program.executable().Run(in, out, session.scratch(), *session.pool());
  if (!status.ok()) return status;
  for (const auto& surface : outputs) surface->Touch();
  return MillisecondsSince(start);
}

}  // namespace ane
