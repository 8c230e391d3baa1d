// Surfaces of a device as IOSurfaces, found by the address programs and kernels know them by.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "ane/framework.h"
#include "base/status.h"

namespace ane {

// Smaller surfaces fail to evaluate (seen on M4 Max); the grain makes surfaces of similar tensors equal.
constexpr size_t kMinSurfaceBytes = 49152;
constexpr size_t kSurfaceGrain = 16384;

// Bytes of the IOSurface that holds a tensor of so many bytes.
size_t SurfaceAllocation(size_t bytes);

// One IOSurface. It is locked for the CPU whenever no program uses it, because JavaScript and host kernels keep live
// pointers into it, and unlocked around an evaluation.
class DeviceSurface {
 public:
  static Result<std::shared_ptr<DeviceSurface>> Create(const SystemFunctions& functions, Id properties, size_t bytes);
  ~DeviceSurface();
  DeviceSurface(const DeviceSurface&) = delete;
  DeviceSurface& operator=(const DeviceSurface&) = delete;

  IoSurfaceRef ref() const { return ref_; }
  void* base() const { return base_; }
  size_t bytes() const { return bytes_; }

  // False if the system refuses.
  bool Lock();
  bool Unlock();

 private:
  DeviceSurface(const SystemFunctions& functions, IoSurfaceRef ref, size_t bytes)
      : functions_(functions), ref_(ref), bytes_(bytes) {}

  const SystemFunctions& functions_;
  IoSurfaceRef ref_;
  void* base_ = nullptr;
  size_t bytes_;
  bool locked_ = false;
};

// The live surfaces of one device.
class SurfaceRegistry : public std::enable_shared_from_this<SurfaceRegistry> {
 public:
  // Called, under the registry's mutex, when the surface at an address goes away.
  using Listener = std::function<void(const void* base)>;

  // Zeroed. `ANE_UNAVAILABLE` if the system makes no surface. The memory outlives the registry's other users.
  Result<std::shared_ptr<void>> Allocate(const Framework& framework, size_t bytes);

  std::mutex& mutex() { return mutex_; }
  // With the mutex held. nullptr for memory of another device.
  std::shared_ptr<DeviceSurface> Find(const void* base) const;
  uint64_t AddListener(Listener listener);
  void RemoveListener(uint64_t id);

  int64_t live() const { return live_.load(); }
  int64_t bytes() const { return bytes_.load(); }

 private:
  void Remove(const void* base);

  std::mutex mutex_;
  std::unordered_map<const void*, std::shared_ptr<DeviceSurface>> surfaces_;
  std::unordered_map<uint64_t, Listener> listeners_;
  uint64_t next_listener_ = 0;
  std::atomic<int64_t> live_{0};
  std::atomic<int64_t> bytes_{0};
};

}  // namespace ane
