// A fixed list of program runs and host kernels, executed without entering JavaScript.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "host/host_kernels.h"
#include "schedule/device.h"
#include "schedule/surface.h"

namespace ane {

// Memory a view may address; the owner keeps it alive longer than the view.
struct Region {
  void* data;
  size_t bytes;
};

// Builds a view whose every element lies inside `region`. Offset and strides are in elements and not negative.
Result<TensorView> MakeView(const Region& region, Dtype dtype, int64_t rows, int64_t cols, int64_t offset,
                            int64_t row_stride, int64_t col_stride);

// Bytes [begin, end) that an entry may read or write.
struct MemoryRange {
  uintptr_t begin, end;
};

class Schedule {
 public:
  explicit Schedule(std::shared_ptr<Device> device);

  // Appends a run; surfaces in the declared order of the program.
  Status AddRun(std::shared_ptr<Program> program, std::vector<std::shared_ptr<Surface>> inputs,
                std::vector<std::shared_ptr<Surface>> outputs);
  // Appends a host kernel. `surfaces` are those the views point into, `written` those of them it may change.
  Status AddKernel(const std::string& name, KernelOperands operands, std::vector<std::shared_ptr<Surface>> surfaces,
                   std::vector<std::shared_ptr<Surface>> written);

  size_t size() const { return entries_.size(); }

  // Claims the schedule for one execution: fails if it is executing or names something disposed. After a success the
  // caller calls Execute once, from any thread, reads the times, and calls End.
  Status Begin();
  // Runs all entries; allocates nothing the second time. Times are in `milliseconds()` and `total_milliseconds()` until
  // End.
  Status Execute();
  void End() { executing_.store(false, std::memory_order_release); }
  const std::vector<double>& milliseconds() const { return milliseconds_; }
  double total_milliseconds() const { return total_milliseconds_; }

  // For those who run entries themselves, between Begin and End and within one session. Throws nothing. With `ready` the
  // entry asks for each of its ranges of memory before it uses it.
  Status RunEntry(size_t index, const Device::Session& session, Readiness* ready = nullptr);
  // Takes off the time of an entry what it waited.
  void Deduct(size_t index, double milliseconds) { milliseconds_[index] -= milliseconds; }
  void set_total_milliseconds(double milliseconds) { total_milliseconds_ = milliseconds; }
  Device& device() { return *device_; }
  // Whether an entry is a host kernel: it works in memory of its thread, where runs share the device's.
  bool IsKernel(size_t index) const { return entries_[index].program == nullptr; }
  // What an entry may touch; of a run inputs, then outputs.
  const std::vector<MemoryRange>& Memory(size_t index) const { return entries_[index].memory; }

 private:
  struct Entry {
    std::shared_ptr<Program> program;  // nullptr for a kernel
    const HostKernel* kernel = nullptr;
    KernelOperands operands;
    std::vector<std::shared_ptr<Surface>> surfaces;  // everything the entry reads or writes
    std::vector<std::shared_ptr<Surface>> written;
    std::vector<const void*> inputs;
    std::vector<void*> outputs;
    std::vector<MemoryRange> memory;
  };

  Status Run(const Entry& entry, const Device::Session& session, Readiness* ready) const;
  Status CheckIdle() const;

  std::shared_ptr<Device> device_;
  std::vector<Entry> entries_;
  std::vector<double> milliseconds_;
  double total_milliseconds_ = 0;
  std::atomic<bool> executing_{false};
};

// One run outside any schedule. Returns the milliseconds it took.
Result<double> RunOnce(const Program& program, const std::vector<std::shared_ptr<Surface>>& inputs,
                       const std::vector<std::shared_ptr<Surface>>& outputs);

}  // namespace ane
