// The CPU engine as a device: its threads, its working memory, and the programs compiled for it.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "engine/executable.h"
#include "schedule/surface.h"

namespace ane {

// Owns the thread pool and the scratch memory that all its programs share, so they run one after the other.
class CpuDevice {
 public:
  CpuDevice(int threads, bool exact);

  bool exact() const { return exact_; }
  int threads() const { return threads_; }
  bool disposed() const { return disposed_.load(std::memory_order_acquire); }
  // Waits for the run under way, then frees threads and scratch.
  void Dispose();

  // Exclusive use of the pool and the scratch memory; `pool()` is nullptr once the device is disposed.
  class Session {
   public:
    explicit Session(CpuDevice& device) : lock_(device.mutex_), device_(device) {}
    ThreadPool* pool() const { return device_.pool_.get(); }
    void* scratch() const { return device_.scratch_.get(); }

   private:
    std::unique_lock<std::mutex> lock_;
    CpuDevice& device_;
  };

  // Makes the shared scratch at least this large. Waits for the run under way.
  Status ReserveScratch(size_t bytes);

 private:
  const bool exact_;
  const int threads_;
  std::atomic<bool> disposed_{false};
  std::mutex mutex_;
  std::unique_ptr<ThreadPool> pool_;
  std::shared_ptr<void> scratch_;
  size_t scratch_bytes_ = 0;
};

// An executable of a device. Immutable but for the disposed mark.
class CpuProgram {
 public:
  // Compiles and reserves the scratch a run needs. Blobs are borrowed during the call.
  static Result<std::shared_ptr<CpuProgram>> Compile(std::shared_ptr<CpuDevice> device, std::string_view text,
                                                     const CompileOptions& options);

  const Executable& executable() const { return *executable_; }
  CpuDevice& device() const { return *device_; }
  bool disposed() const { return disposed_.load(std::memory_order_acquire); }
  void Dispose() { disposed_.store(true, std::memory_order_release); }

  // Checks number, type, size and distinctness of the surfaces, in the declared order.
  Status CheckBindings(const std::vector<std::shared_ptr<Surface>>& inputs,
                       const std::vector<std::shared_ptr<Surface>>& outputs) const;

 private:
  CpuProgram(std::shared_ptr<CpuDevice> device, std::unique_ptr<Executable> executable);

  std::shared_ptr<CpuDevice> device_;
  std::unique_ptr<Executable> executable_;
  std::atomic<bool> disposed_{false};
};

}  // namespace ane
