#include "ane/objc_runtime.h"

namespace ane {

Status ObjcRuntime::Resolve(const DynamicLibraries& libraries) {
  Status statuses[] = {
      libraries.Resolve("objc_getClass", &get_class),
      libraries.Resolve("sel_registerName", &register_selector),
      libraries.Resolve("objc_msgSend", &send),
      libraries.Resolve("class_getInstanceMethod", &instance_method),
      libraries.Resolve("class_getClassMethod", &class_method),
      libraries.Resolve("method_getTypeEncoding", &type_encoding),
      libraries.Resolve("objc_autoreleasePoolPush", &push_pool),
      libraries.Resolve("objc_autoreleasePoolPop", &pop_pool),
      libraries.Resolve("objc_retain", &retain),
      libraries.Resolve("objc_release", &release),
      libraries.Resolve("NSTemporaryDirectory", &temporary_directory),
      libraries.Resolve("CFRelease", &cf_release),
  };
  for (Status& status : statuses) {
    if (!status.ok()) return std::move(status);
  }
  return {};
}

Status IoSurfaceFunctions::Resolve(const DynamicLibraries& libraries) {
  Status statuses[] = {
      libraries.Resolve("IOSurfaceCreate", &create),
      libraries.Resolve("IOSurfaceGetBaseAddress", &base_address),
      libraries.Resolve("IOSurfaceGetAllocSize", &alloc_size),
      libraries.Resolve("IOSurfaceLock", &lock),
      libraries.Resolve("IOSurfaceUnlock", &unlock),
  };
  for (Status& status : statuses) {
    if (!status.ok()) return std::move(status);
  }
  constexpr const char* kNames[kKeys] = {"kIOSurfaceWidth",       "kIOSurfaceHeight",    "kIOSurfaceBytesPerElement",
                                         "kIOSurfaceBytesPerRow", "kIOSurfaceAllocSize", "kIOSurfacePixelFormat"};
  for (size_t i = 0; i < kKeys; ++i) {
    Id* variable = nullptr;  // each symbol is a variable that holds a string object
    Status status = libraries.Resolve(kNames[i], &variable);
    if (!status.ok()) return status;
    keys[i] = *variable;
  }
  return {};
}

}  // namespace ane
