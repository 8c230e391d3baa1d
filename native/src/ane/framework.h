// The private framework with everything it needs, of this Mac or of the simulator.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ane/method_table.h"
#include "ane/objc_runtime.h"
#include "base/status.h"

namespace ane {

// Libraries and their C functions; lives until the process ends, since objects of a library may.
struct SystemFunctions {
  DynamicLibraries libraries;
  ObjcRuntime objc;
  IoSurfaceFunctions surface;
};

class Framework {
 public:
  // This Mac's own; ANE_UNAVAILABLE elsewhere. Fails if what it finds calls itself a simulator.
  static Result<std::shared_ptr<const Framework>> OpenSystem();
  // The simulator in the library at `path`, set up by `configuration` (JSON). One configuration at a time per process:
  // another one is INVALID_ARGUMENT while a framework of the first is open.
  static Result<std::shared_ptr<const Framework>> OpenSimulator(const std::string& path,
                                                                const std::string& configuration);
  // What this Mac (`path` empty) or the simulator has of the method table; fails when there is no framework at all.
  static Result<std::vector<MethodReport>> Report(const std::string& path);

  const SystemFunctions& functions() const { return *functions_; }
  const ObjcRuntime& objc() const { return functions_->objc; }
  const IoSurfaceFunctions& surface() const { return functions_->surface; }
  const MethodTable& methods() const { return methods_; }
  bool simulated() const { return simulator_statistics_ != nullptr; }
  // JSON of the simulator, empty for a real device.
  std::string SimulatorStatistics() const;

  // Autoreleased; call inside a pool.
  Id String(std::string_view text) const;
  Id Data(const void* bytes, size_t length) const;
  // Empty for nil.
  std::string Text(Id string) const;
  // The framework's own words with domain and code; empty for nil.
  std::string ErrorText(Id error) const;

 private:
  Framework(const SystemFunctions* functions, MethodTable methods)
      : functions_(functions), methods_(std::move(methods)) {}

  const SystemFunctions* functions_;
  MethodTable methods_;
  int (*simulator_statistics_)(char* json, size_t size) = nullptr;
};

}  // namespace ane
