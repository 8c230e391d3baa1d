// Drives the simulator library as a bridge does: through dlopen and messages.
#pragma once

#include <dlfcn.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/fp16.h"

namespace sim_test {

using Id = void*;

inline void* Library() {
  static void* const library = [] {
    const char* path = std::getenv("ANE_SIM_LIBRARY");
    void* opened = path == nullptr ? nullptr : dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (opened == nullptr) {
      std::printf("ANE_SIM_LIBRARY: %s\n", path == nullptr ? "not set" : dlerror());
      std::exit(1);
    }
    return opened;
  }();
  return library;
}

template <typename F>
F* Symbol(const char* name) {
  void* symbol = dlsym(Library(), name);
  if (symbol == nullptr) {
    std::printf("missing %s\n", name);
    std::exit(1);
  }
  return reinterpret_cast<F*>(symbol);
}

inline Id ClassNamed(const char* name) { return Symbol<Id(const char*)>("objc_getClass")(name); }

template <typename R, typename... Args>
R Send(Id self, const char* selector, Args... args) {
  static auto* const register_name = Symbol<Id(const char*)>("sel_registerName");
  static void* const send = dlsym(Library(), "objc_msgSend");
  return reinterpret_cast<R (*)(Id, Id, Args...)>(send)(self, register_name(selector), args...);
}
template <typename R, typename... Args>
R SendClass(const char* name, const char* selector, Args... args) {
  return Send<R>(ClassNamed(name), selector, args...);
}

class Pool {
 public:
  Pool() : pool_(Symbol<void*()>("objc_autoreleasePoolPush")()) {}
  ~Pool() { Symbol<void(void*)>("objc_autoreleasePoolPop")(pool_); }

 private:
  void* pool_;
};

inline Id String(const std::string& text) {
  return SendClass<Id>("NSString", "stringWithUTF8String:", text.c_str());
}
inline std::string Text(Id string) {
  const char* text = Send<const char*>(string, "UTF8String");
  return text == nullptr ? "" : text;
}
inline Id DataOf(const std::string& bytes) {
  return SendClass<Id>("NSData", "dataWithBytes:length:", static_cast<const void*>(bytes.data()),
                       uint64_t(bytes.size()));
}
inline Id NumberOf(int value) { return SendClass<Id>("NSNumber", "numberWithInt:", value); }
inline Id DictionaryOf(const std::vector<std::pair<std::string, Id>>& entries) {
  Id made = SendClass<Id>("NSMutableDictionary", "dictionary");
  for (const auto& [key, value] : entries)
    Send<void>(made, "setObject:forKey:", value, String(key));
  return made;
}
inline Id ArrayOf(const std::vector<Id>& items) {
  Id made = SendClass<Id>("NSMutableArray", "array");
  for (Id item : items) Send<void>(made, "addObject:", item);
  return made;
}

inline bool Configure(const std::string& json) {
  return Symbol<int(const char*)>("ane_simulator_configure")(json.c_str()) == 0;
}
inline std::string Statistics() {
  std::vector<char> text(1 << 20);
  Symbol<int(char*, size_t)>("ane_simulator_statistics")(text.data(), text.size());
  return text.data();
}
// The number after "name": in JSON; -1 when there is none.
inline double NumberIn(const std::string& json, const std::string& name) {
  const size_t at = json.find("\"" + name + "\":");
  return at == std::string::npos ? -1 : std::atof(json.c_str() + at + name.size() + 3);
}
inline double Statistic(const std::string& name) { return NumberIn(Statistics(), name); }
inline bool Mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A surface the test owns.
class Surface {
 public:
  explicit Surface(size_t bytes) {
    const auto key = [](const char* name) { return Text(*Symbol<Id>(name)); };
    const int n = int(bytes);
    surface_ = Symbol<Id(Id)>("IOSurfaceCreate")(
        DictionaryOf({{key("kIOSurfaceWidth"), NumberOf(n)},
                      {key("kIOSurfaceHeight"), NumberOf(1)},
                      {key("kIOSurfaceBytesPerElement"), NumberOf(1)},
                      {key("kIOSurfaceBytesPerRow"), NumberOf(n)},
                      {key("kIOSurfaceAllocSize"), NumberOf(n)},
                      {key("kIOSurfacePixelFormat"), NumberOf(0)}}));
  }
  ~Surface() {
    if (surface_ != nullptr) Symbol<void(Id)>("CFRelease")(surface_);
  }
  Surface(const Surface&) = delete;
  Surface& operator=(const Surface&) = delete;

  Id get() const { return surface_; }
  uint16_t* halves() const {
    return static_cast<uint16_t*>(Symbol<void*(Id)>("IOSurfaceGetBaseAddress")(surface_));
  }
  void Fill(size_t count, float (*value)(size_t)) {
    for (size_t i = 0; i < count; ++i) halves()[i] = ane::Fp32ToFp16(value(i));
  }
  float At(size_t i) const { return ane::Fp16ToFp32(halves()[i]); }
  Id object() const {
    return SendClass<Id>("_ANEIOSurfaceObject", "objectWithIOSurface:", surface_);
  }

 private:
  Id surface_;
};

}  // namespace sim_test
