// Tensor memory shared between programs, host kernels and JavaScript.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/dtype.h"
#include "base/status.h"

namespace ane {

// The name the interface uses for a type a surface can hold ("fp16"), or nullptr for a type it cannot.
const char* SurfaceDtypeName(Dtype dtype);

// Where a surface's memory comes from: at least so many zeroed bytes, 64-byte aligned, or why there are none.
using SurfaceAllocator = std::function<Result<std::shared_ptr<void>>(size_t bytes)>;

// Ordinary memory.
Result<std::shared_ptr<void>> AllocateMemory(size_t bytes);

// Dense row-major memory of one tensor, 64-byte aligned, zero at first.
class Surface {
 public:
  static constexpr size_t kMaxBytes = 0xFFFFFFFFu;  // what one Uint8Array can show on every supported Node

  // Dimensions are positive; fails with INVALID_ARGUMENT or what the allocator says.
  static Result<std::shared_ptr<Surface>> Create(std::vector<int64_t> shape, Dtype dtype,
                                                 const SurfaceAllocator& allocate = AllocateMemory);

  const std::vector<int64_t>& shape() const { return shape_; }
  Dtype dtype() const { return dtype_; }
  int64_t elements() const { return elements_; }
  size_t bytes() const { return static_cast<size_t>(elements_) * SizeOf(dtype_); }
  void* data() const { return memory_.get(); }
  // The memory alone, for a holder that may outlive the surface.
  const std::shared_ptr<void>& memory() const { return memory_; }

  uint64_t version() const { return version_.load(std::memory_order_acquire); }
  void Touch() { version_.fetch_add(1, std::memory_order_acq_rel); }

  // After disposal nothing new may use the surface; work under way keeps the memory until it ends.
  bool disposed() const { return disposed_.load(std::memory_order_acquire); }
  void Dispose() { disposed_.store(true, std::memory_order_release); }

 private:
  Surface(std::vector<int64_t> shape, Dtype dtype, int64_t elements, std::shared_ptr<void> memory);

  std::vector<int64_t> shape_;
  Dtype dtype_;
  int64_t elements_;
  std::shared_ptr<void> memory_;
  std::atomic<uint64_t> version_{0};
  std::atomic<bool> disposed_{false};
};

// 64-byte aligned zeroed memory, or nullptr; large blocks cost nothing until touched.
std::shared_ptr<void> AllocateAligned(size_t bytes);

}  // namespace ane
