// Programs, weight files and models of the simulator in tests.
#pragma once

#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "sim_library.h"

namespace sim_test {

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

// A configuration of the simulator.
inline std::string Settings(const std::string& chip, const std::string& more = "") {
  return "{\"chip\":\"" + chip + "\"" + more + "}";
}

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

inline const std::string kType = "tensor<fp16, [1, 64, 1, 64]>";

// One operation on x of kType.
inline std::string Unary(const std::string& call, const std::string& type = kType,
                         const std::string& before = "") {
  return Program(kType + " x", before + type + " r = " + call + "[name = string(\"r\")];", "r");
}

// The same program with the spelling M1 and M2 take.
inline std::string Old(std::string text) {
  const auto replace = [&](const std::string& from, const std::string& to) {
    for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
      text.replace(at, from.size(), to);
  };
  replace("program(1.3)", "program(1.0)");
  replace("<ios18>", "<ios16>");
  return text;
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
