// Shared libraries opened at run time, so that the addon loads on machines that lack them.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace ane {

// Symbols of one or several libraries, searched in order. Libraries stay open until the process ends: Objective-C
// classes cannot be unloaded.
class DynamicLibraries {
 public:
  // Fails with ANE_UNAVAILABLE and the loader's reason.
  Status Open(const std::string& path);

  // nullptr when no library has it.
  void* Find(const char* name) const;

  // Stores a function of the type `slot` points to; fails with ANE_UNAVAILABLE naming the symbol.
  template <typename Function>
  Status Resolve(const char* name, Function** slot) const {
    void* symbol = Find(name);
    if (symbol == nullptr) return Missing(name);
    *slot = reinterpret_cast<Function*>(symbol);
    return {};
  }

 private:
  static Status Missing(const char* name);

  std::vector<void*> handles_;
};

}  // namespace ane
