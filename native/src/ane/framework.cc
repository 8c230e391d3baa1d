#include "ane/framework.h"

#include <map>
#include <mutex>

namespace ane {
namespace {

#ifdef __APPLE__
constexpr const char* kSystemLibraries[] = {
    "/usr/lib/libobjc.A.dylib",
    "/System/Library/Frameworks/CoreFoundation.framework/CoreFoundation",
    "/System/Library/Frameworks/Foundation.framework/Foundation",
    "/System/Library/Frameworks/IOSurface.framework/IOSurface",
    "/System/Library/PrivateFrameworks/AppleNeuralEngine.framework/AppleNeuralEngine",
};
#endif

Result<const SystemFunctions*> Load(const std::vector<std::string>& paths) {
  auto functions = std::make_unique<SystemFunctions>();
  for (const std::string& path : paths) {
    Status status = functions->libraries.Open(path);
    if (!status.ok()) return status;
  }
  Status status = functions->objc.Resolve(functions->libraries);
  if (status.ok()) status = functions->surface.Resolve(functions->libraries);
  if (!status.ok()) return status;
  return functions.release();
}

Result<const SystemFunctions*> LoadSystem() {
#ifdef __APPLE__
  static const Result<const SystemFunctions*> loaded =
      Load(std::vector<std::string>(std::begin(kSystemLibraries), std::end(kSystemLibraries)));
  if (loaded.ok() && loaded.value()->libraries.Find("ane_simulator_version") != nullptr) {
    return Status("ANE_UNAVAILABLE", "Expected this Mac's own framework, got a simulator.");
  }
  return loaded;
#else
  return Status("ANE_UNAVAILABLE", "The Neural Engine needs macOS on Apple silicon.");
#endif
}

// What is known about a simulator's library; entries are never removed.
struct Simulator {
  const SystemFunctions* functions = nullptr;
  std::weak_ptr<const Framework> open;
  std::string configuration;
};

std::mutex& SimulatorsMutex() {
  static std::mutex mutex;
  return mutex;
}

// Call with the mutex held.
Result<Simulator*> LoadSimulator(const std::string& path) {
  static auto* simulators = new std::map<std::string, Simulator>();
  Simulator& simulator = (*simulators)[path];
  if (simulator.functions == nullptr) {
    // Checked first: no function of a library that is not a simulator is ever called.
    DynamicLibraries library;
    Status status = library.Open(path);
    if (!status.ok()) return status;
    if (library.Find("ane_simulator_version") == nullptr) {
      return Status("ANE_UNAVAILABLE",
                    "Expected a simulator of the Neural Engine at " + path + ", got another library.");
    }
    const Result<const SystemFunctions*> functions = Load({path});
    if (!functions.ok()) return functions.status();
    simulator.functions = functions.value();
  }
  return &simulator;
}

}  // namespace

Result<std::shared_ptr<const Framework>> Framework::OpenSystem() {
  const Result<const SystemFunctions*> functions = LoadSystem();
  if (!functions.ok()) return functions.status();
  Result<MethodTable> methods = MethodTable::Resolve(functions.value()->objc);
  if (!methods.ok()) return methods.status();
  return std::shared_ptr<const Framework>(new Framework(functions.value(), std::move(methods.value())));
}

Result<std::shared_ptr<const Framework>> Framework::OpenSimulator(const std::string& path,
                                                                  const std::string& configuration) {
  std::lock_guard<std::mutex> lock(SimulatorsMutex());
  const Result<Simulator*> loaded = LoadSimulator(path);
  if (!loaded.ok()) return loaded.status();
  Simulator& simulator = *loaded.value();
  if (auto open = simulator.open.lock()) {
    if (simulator.configuration == configuration) return open;
    return InvalidArgument(
        "Expected one simulated chip per process, got another while one is open. Dispose of it first.");
  }
  const DynamicLibraries& library = simulator.functions->libraries;
  void (*reset)() = nullptr;
  int (*configure)(const char*) = nullptr;
  int (*statistics)(char*, size_t) = nullptr;
  Status status = library.Resolve("ane_simulator_reset", &reset);
  if (status.ok()) status = library.Resolve("ane_simulator_configure", &configure);
  if (status.ok()) status = library.Resolve("ane_simulator_statistics", &statistics);
  if (!status.ok()) return status;
  reset();
  if (configure(configuration.c_str()) != 0) {
    return InvalidArgument("Expected a configuration the simulator knows, got " + configuration + ".");
  }
  Result<MethodTable> methods = MethodTable::Resolve(simulator.functions->objc);
  if (!methods.ok()) return methods.status();
  std::shared_ptr<Framework> framework(new Framework(simulator.functions, std::move(methods.value())));
  framework->simulator_statistics_ = statistics;
  simulator.open = framework;
  simulator.configuration = configuration;
  return std::shared_ptr<const Framework>(std::move(framework));
}

Result<std::vector<MethodReport>> Framework::Report(const std::string& path) {
  if (path.empty()) {
    const Result<const SystemFunctions*> functions = LoadSystem();
    if (!functions.ok()) return functions.status();
    return MethodTable::Report(functions.value()->objc);
  }
  std::lock_guard<std::mutex> lock(SimulatorsMutex());
  const Result<Simulator*> simulator = LoadSimulator(path);
  if (!simulator.ok()) return simulator.status();
  return MethodTable::Report(simulator.value()->functions->objc);
}

std::string Framework::SimulatorStatistics() const {
  if (simulator_statistics_ == nullptr) return "";
  std::string json(1 << 16, '\0');
  if (simulator_statistics_(json.data(), json.size()) < 0) return "";
  json.resize(json.find('\0') == std::string::npos ? json.size() : json.find('\0'));
  return json;
}

Id Framework::String(std::string_view text) const {
  return methods_.SendClass<Id>(Call::kStringWithUtf8, std::string(text).c_str());
}

Id Framework::Data(const void* bytes, size_t length) const {
  return methods_.SendClass<Id>(Call::kDataWithBytes, bytes, static_cast<unsigned long>(length));
}

std::string Framework::Text(Id string) const {
  const char* text = string ? methods_.Send<const char*>(Call::kStringUtf8, string) : nullptr;
  return text ? text : "";
}

std::string Framework::ErrorText(Id error) const {
  if (error == nullptr) return "";
  const std::string description = Text(methods_.Send<Id>(Call::kErrorDescription, error));
  const std::string domain = Text(methods_.Send<Id>(Call::kErrorDomain, error));
  const long code = methods_.Send<long>(Call::kErrorCode, error);
  return description + " (" + domain + " " + std::to_string(code) + ")";
}

}  // namespace ane
