// What every device has: threads for host kernels, working memory, surfaces, and the programs compiled for it.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "engine/executable.h"
#include "schedule/surface.h"

namespace ane {

// Owns the thread pool and the scratch memory that all its programs share, so they run one after the other. A kind of
// device says where surfaces live and what compiles a program.
class Device {
 public:
  Device(int threads, bool exact);
  virtual ~Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  // Zeroed memory of at least `bytes`, 64-byte aligned, that programs of this device can be bound to.
  virtual Result<std::shared_ptr<void>> AllocateSurface(size_t bytes) = 0;
  // Blobs are borrowed during the call. Called from any thread, also while a program runs.
  virtual Result<std::unique_ptr<Executable>> CompileExecutable(std::string_view text,
                                                                const CompileOptions& options) = 0;

  bool exact() const { return exact_; }
  int threads() const { return threads_; }
  bool disposed() const { return disposed_.load(std::memory_order_acquire); }
  // Waits for the run under way, then frees threads and scratch.
  void Dispose();

  // Exclusive use of the pool and the scratch memory; `pool()` is nullptr once the device is disposed.
  class Session {
   public:
    explicit Session(Device& device) : lock_(device.mutex_), device_(device) {}
    ThreadPool* pool() const { return device_.pool_.get(); }
    void* scratch() const { return device_.scratch_.get(); }

   private:
    std::unique_lock<std::mutex> lock_;
    Device& device_;
  };

  // Makes the shared scratch at least this large. Waits for the run under way. `program` is for the message.
  Status ReserveScratch(size_t bytes, const std::string& program);

 protected:
  // Called once, by Dispose, when nothing runs.
  virtual void OnDispose() {}

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
class Program {
 public:
  // Compiles and reserves the scratch a run needs. Blobs are borrowed during the call.
  static Result<std::shared_ptr<Program>> Compile(std::shared_ptr<Device> device, std::string_view text,
                                                     const CompileOptions& options);

  const Executable& executable() const { return *executable_; }
  Device& device() const { return *device_; }
  bool disposed() const { return disposed_.load(std::memory_order_acquire); }
  // Nothing new may run; what the device holds for the program is freed once no run uses it.
  void Dispose();

  // Checks number, type, size and distinctness of the surfaces, in the declared order.
  Status CheckBindings(const std::vector<std::shared_ptr<Surface>>& inputs,
                       const std::vector<std::shared_ptr<Surface>>& outputs) const;

 private:
  Program(std::shared_ptr<Device> device, std::unique_ptr<Executable> executable);

  std::shared_ptr<Device> device_;
  std::unique_ptr<Executable> executable_;
  std::atomic<bool> disposed_{false};
};

}  // namespace ane
