// The Objective-C runtime and IOSurface as plain C functions, found at run time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "ane/dynamic_library.h"
#include "base/status.h"

namespace ane {

using Id = struct ObjcObject*;
using ObjcClass = struct ObjcClassObject*;
using Selector = struct ObjcSelector*;
using Method = struct ObjcMethod*;
using CfType = const void*;
using IoSurfaceRef = struct IoSurfaceObject*;

// Every function is resolved or the whole is not used.
struct ObjcRuntime {
  ObjcClass (*get_class)(const char* name);
  Selector (*register_selector)(const char* name);
  void (*send)();  // objc_msgSend; called only through a cast to the method's own prototype
  Method (*instance_method)(ObjcClass, Selector);
  Method (*class_method)(ObjcClass, Selector);
  const char* (*type_encoding)(Method);
  void* (*push_pool)();
  void (*pop_pool)(void*);
  Id (*retain)(Id);
  void (*release)(Id);
  Id (*temporary_directory)();  // NSTemporaryDirectory
  void (*cf_release)(CfType);

  Status Resolve(const DynamicLibraries& libraries);

  template <typename R, typename... Args>
  R Send(const void* receiver, Selector selector, Args... args) const {
    return reinterpret_cast<R (*)(const void*, Selector, Args...)>(send)(receiver, selector, args...);
  }
};

struct IoSurfaceFunctions {
  static constexpr size_t kKeys = 6;

  IoSurfaceRef (*create)(CfType properties);
  void* (*base_address)(IoSurfaceRef);
  size_t (*alloc_size)(IoSurfaceRef);
  int32_t (*lock)(IoSurfaceRef, uint32_t options, uint32_t* seed);
  int32_t (*unlock)(IoSurfaceRef, uint32_t options, uint32_t* seed);
  // Width, height, bytes per element, bytes per row, allocation size, pixel format.
  Id keys[kKeys];

  Status Resolve(const DynamicLibraries& libraries);
};

// Objects autoreleased while it lives are released at its end.
class AutoreleasePool {
 public:
  explicit AutoreleasePool(const ObjcRuntime& objc) : objc_(objc), pool_(objc.push_pool()) {}
  ~AutoreleasePool() { objc_.pop_pool(pool_); }
  AutoreleasePool(const AutoreleasePool&) = delete;
  AutoreleasePool& operator=(const AutoreleasePool&) = delete;

 private:
  const ObjcRuntime& objc_;
  void* pool_;
};

// A retained object, or none.
class ObjectRef {
 public:
  ObjectRef() = default;
  ObjectRef(const ObjcRuntime& objc, Id object) : objc_(&objc), object_(object ? objc.retain(object) : nullptr) {}
  ObjectRef(ObjectRef&& other) noexcept : objc_(other.objc_), object_(std::exchange(other.object_, nullptr)) {}
  ObjectRef& operator=(ObjectRef&& other) noexcept {
    std::swap(objc_, other.objc_);
    std::swap(object_, other.object_);
    return *this;
  }
  ~ObjectRef() {
    if (object_) objc_->release(object_);
  }

  Id get() const { return object_; }

 private:
  const ObjcRuntime* objc_ = nullptr;
  Id object_ = nullptr;
};

}  // namespace ane
