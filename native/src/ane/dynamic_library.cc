#include "ane/dynamic_library.h"

#include <dlfcn.h>

namespace ane {

Status DynamicLibraries::Open(const std::string& path) {
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* reason = dlerror();
    return {"ANE_UNAVAILABLE", "Could not open " + path + ": " + (reason ? reason : "no reason given") + "."};
  }
  handles_.push_back(handle);
  return {};
}

void* DynamicLibraries::Find(const char* name) const {
  for (void* handle : handles_) {
    if (void* symbol = dlsym(handle, name)) return symbol;
  }
  return nullptr;
}

Status DynamicLibraries::Missing(const char* name) {
  return {"ANE_UNAVAILABLE", std::string("Expected the function ") + name + " in the system's libraries, found none."};
}

}  // namespace ane
