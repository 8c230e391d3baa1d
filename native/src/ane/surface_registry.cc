#include "ane/surface_registry.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace ane {

size_t SurfaceAllocation(size_t bytes) {
  return (std::max(bytes, kMinSurfaceBytes) + kSurfaceGrain - 1) / kSurfaceGrain * kSurfaceGrain;
}

Result<std::shared_ptr<DeviceSurface>> DeviceSurface::Create(const SystemFunctions& functions, Id properties,
                                                             size_t bytes) {
  const auto failure = [&](const char* why) {
    return Status("ANE_UNAVAILABLE",
                  "The system made no usable surface of " + std::to_string(bytes) + " bytes: " + why + ".");
  };
  const IoSurfaceRef ref = functions.surface.create(properties);
  if (ref == nullptr) return failure("IOSurfaceCreate returned none");
  std::shared_ptr<DeviceSurface> surface(new DeviceSurface(functions, ref, bytes));
  if (functions.surface.alloc_size(ref) < bytes) return failure("it is smaller than asked for");
  if (!surface->Lock()) return failure("it cannot be locked");
  surface->base_ = functions.surface.base_address(ref);
  if (surface->base_ == nullptr || reinterpret_cast<uintptr_t>(surface->base_) % 64 != 0) {
    return failure("its memory is not aligned");
  }
  std::memset(surface->base_, 0, bytes);
  return surface;
}

DeviceSurface::~DeviceSurface() {
  if (locked_) functions_.surface.unlock(ref_, 0, nullptr);
  functions_.objc.cf_release(ref_);
}

bool DeviceSurface::Lock() {
  if (!locked_) locked_ = functions_.surface.lock(ref_, 0, nullptr) == 0;
  return locked_;
}

bool DeviceSurface::Unlock() {
  if (locked_) locked_ = functions_.surface.unlock(ref_, 0, nullptr) != 0;
  return !locked_;
}

Result<std::shared_ptr<void>> SurfaceRegistry::Allocate(const Framework& framework, size_t bytes) {
  const AutoreleasePool pool(framework.objc());
  const MethodTable& methods = framework.methods();
  const size_t allocation = SurfaceAllocation(bytes);
  const unsigned long long values[IoSurfaceFunctions::kKeys] = {allocation, 1, 1, allocation, allocation, 0};
  const Id properties = methods.SendClass<Id>(Call::kDictionary);
  for (size_t i = 0; i < IoSurfaceFunctions::kKeys; ++i) {
    const Id number = methods.SendClass<Id>(Call::kNumberWithUnsigned, values[i]);
    methods.Send<void>(Call::kDictionarySet, properties, number, framework.surface().keys[i]);
  }
  Result<std::shared_ptr<DeviceSurface>> made = DeviceSurface::Create(framework.functions(), properties, allocation);
  if (!made.ok()) return made.status();
  void* base = made.value()->base();
  {
    std::lock_guard<std::mutex> lock(mutex_);
    surfaces_[base] = std::move(made.value());
  }
  ++live_;
  bytes_ += static_cast<int64_t>(allocation);
  return std::shared_ptr<void>(base, [registry = shared_from_this()](void* memory) { registry->Remove(memory); });
}

std::shared_ptr<DeviceSurface> SurfaceRegistry::Find(const void* base) const {
  const auto found = surfaces_.find(base);
  return found == surfaces_.end() ? nullptr : found->second;
}

uint64_t SurfaceRegistry::AddListener(Listener listener) {
  std::lock_guard<std::mutex> lock(mutex_);
  listeners_[next_listener_] = std::move(listener);
  return next_listener_++;
}

void SurfaceRegistry::RemoveListener(uint64_t id) {
  std::lock_guard<std::mutex> lock(mutex_);
  listeners_.erase(id);
}

void SurfaceRegistry::Remove(const void* base) {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto found = surfaces_.find(base);
  if (found == surfaces_.end()) return;
  --live_;
  bytes_ -= static_cast<int64_t>(found->second->bytes());
  for (const auto& [id, listener] : listeners_) listener(base);
  surfaces_.erase(found);
}

}  // namespace ane
