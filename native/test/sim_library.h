// Drives the simulator library as a bridge does: through dlopen and messages.
#pragma once

#include <dlfcn.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
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

struct Failure {
  long long code = 0;
  std::string domain, description;
};
inline Failure Describe(Id error) {
  if (error == nullptr) return {};
  return {Send<int64_t>(error, "code"), Text(Send<Id>(error, "domain")),
          Text(Send<Id>(error, "localizedDescription"))};
}

using Files = std::map<std::string, std::string>;  // "weights/x.bin" to bytes

// A folder that goes away with the test.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "ane-sim-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A model from text and weights, its files written where the framework looks. Needs a pool.
class Model {
 public:
  explicit Model(const std::string& text, const Files& weights = {}, bool write_files = true) {
    std::vector<std::pair<std::string, Id>> entries;
    for (const auto& [name, bytes] : weights)
      entries.push_back({"@model_path/" + name,
                         DictionaryOf({{"offset", NumberOf(0)}, {"data", DataOf(bytes)}})});
    descriptor_ = SendClass<Id>("_ANEInMemoryModelDescriptor",
                                "modelWithMILText:weights:optionsPlist:", DataOf(text),
                                DictionaryOf(entries), Id(nullptr));
    if (descriptor_ == nullptr) return;
    model_ = Send<Id>(
        SendClass<Id>("_ANEInMemoryModel", "inMemoryModelWithDescriptor:", descriptor_), "retain");
    folder_ = Text(Symbol<Id()>("NSTemporaryDirectory")()) +
              Text(Send<Id>(model_, "hexStringIdentifier"));
    if (!write_files) return;
    std::filesystem::create_directories(folder_ + "/weights");
    Write("model.mil", text);
    for (const auto& [name, bytes] : weights) Write(name, bytes);
  }
  ~Model() {
    if (model_ == nullptr) return;
    if (State() == 3) Unload();
    Send<void>(model_, "release");
    std::filesystem::remove_all(folder_);
  }
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  void Write(const std::string& name, const std::string& bytes) const {
    std::FILE* file = std::fopen((folder_ + "/" + name).c_str(), "wb");
    std::fwrite(bytes.data(), 1, bytes.size(), file);
    std::fclose(file);
  }
  bool Compile() { return Call("compileWithQoS:options:error:"); }
  bool Load() { return Call("loadWithQoS:options:error:"); }
  bool Unload() {
    Id error = nullptr;
    const bool done = Send<bool>(model_, "unloadWithQoS:error:", uint32_t(21), &error);
    failure = Describe(error);
    return done;
  }
  bool Evaluate(Id request) {
    Id error = nullptr;
    const bool done = Send<bool>(model_, "evaluateWithQoS:options:request:error:", uint32_t(21),
                                 DictionaryOf({}), request, &error);
    failure = Describe(error);
    return done;
  }
  bool Run(const std::vector<const Surface*>& inputs, const std::vector<const Surface*>& outputs) {
    return Evaluate(Request(inputs, outputs));
  }
  static Id Request(const std::vector<const Surface*>& inputs,
                    const std::vector<const Surface*>& outputs, Id stats = nullptr,
                    int procedure = 0) {
    std::vector<Id> in, in_indices, out, out_indices;
    for (const Surface* surface : inputs) {
      in_indices.push_back(NumberOf(int(in.size())));
      in.push_back(surface->object());
    }
    for (const Surface* surface : outputs) {
      out_indices.push_back(NumberOf(int(out.size())));
      out.push_back(surface->object());
    }
    return SendClass<Id>("_ANERequest",
                         "requestWithInputs:inputIndices:outputs:outputIndices:weightsBuffer:"
                         "perfStats:procedureIndex:",
                         ArrayOf(in), ArrayOf(in_indices), ArrayOf(out), ArrayOf(out_indices),
                         Id(nullptr), stats, NumberOf(procedure));
  }
  uint64_t State() const { return Send<uint64_t>(model_, "state"); }
  Id get() const { return model_; }
  Id descriptor() const { return descriptor_; }
  const std::string& folder() const { return folder_; }

  Failure failure;

 private:
  bool Call(const char* selector) {
    Id error = nullptr;
    const bool done = Send<bool>(model_, selector, uint32_t(21), DictionaryOf({}), &error);
    failure = Describe(error);
    return done;
  }

  Id descriptor_ = nullptr, model_ = nullptr;
  std::string folder_;
};

// One function in the 1.3 spelling.
inline std::string Program(const std::string& parameters, const std::string& body,
                           const std::string& outputs) {
  return "program(1.3)\n{\n  func main<ios18>(" + parameters + ") {\n" + body + "\n  } -> (" +
         outputs + ");\n}\n";
}

// A weight file with one fp16 record at 64.
inline std::string Blob(const std::vector<float>& values) {
  std::string bytes(128, '\0');
  const auto put = [&](size_t at, uint64_t value, size_t size) {
    std::memcpy(bytes.data() + at, &value, size);
  };
  put(0, 1, 4), put(4, 2, 4), put(64, 0xDEADBEEF, 4), put(68, 1, 4), put(72, values.size() * 2, 8),
      put(80, 128, 8);
  for (const float value : values) {
    const uint16_t half = ane::Fp32ToFp16(value);
    bytes.append(reinterpret_cast<const char*>(&half), 2);
  }
  return bytes;
}

}  // namespace sim_test
