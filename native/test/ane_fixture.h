// A device over the simulator, with a temporary folder of its own.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "ane/ane_device.h"
#include "base/fp16.h"
#include "schedule/schedule.h"

namespace ane_test {

using namespace ane;

inline std::string SimulatorPath() {
  const char* path = std::getenv("ANE_SIM_LIBRARY");
  return path ? path : "";
}

// What NSTemporaryDirectory names during a test; removed with everything in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "ane-bridge-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }
  int entries() const {
    return static_cast<int>(
        std::distance(std::filesystem::directory_iterator(path_), std::filesystem::directory_iterator()));
  }

 private:
  std::string path_;
};

// `more` are further members of the configuration, beginning with a comma.
inline Result<std::shared_ptr<AneDevice>> Open(const TemporaryFolder& folder, const std::string& more = "",
                                               AneOptions options = {}) {
  const std::string configuration = R"({"chip":"m4","os":"26.2","state_dir":")" + folder.path() + "\"" + more + "}";
  auto framework = Framework::OpenSimulator(SimulatorPath(), configuration);
  if (!framework.ok()) return framework.status();
  return AneDevice::Create(std::move(framework.value()), options);
}

inline std::string Tensor(int channels) { return "tensor<fp16, [1, " + std::to_string(channels) + ", 1, 64]>"; }

// y = x + c, with 64 channels unless told.
inline std::string AddProgram(double c, int channels = 64) {
  return "program(1.3)\n{\n  func main<ios18>(" + Tensor(channels) +
         " x) {\n    fp16 c = const()[name = string(\"c\"), val = fp16(" + std::to_string(c) + ")];\n    " +
         Tensor(channels) + " y = add(x = x, y = c)[name = string(\"y\")];\n  } -> (y);\n}\n";
}

inline std::shared_ptr<Surface> MakeSurface(AneDevice& device, std::vector<int64_t> shape, float value = 0) {
  auto surface =
      Surface::Create(std::move(shape), Dtype::kFp16, [&](size_t bytes) { return device.AllocateSurface(bytes); });
  if (!surface.ok()) return nullptr;
  auto* data = static_cast<uint16_t*>(surface.value()->data());
  for (int64_t i = 0; i < surface.value()->elements(); ++i) data[i] = Fp32ToFp16(value);
  return surface.value();
}

inline float At(const std::shared_ptr<Surface>& surface, int64_t i = 0) {
  return Fp16ToFp32(static_cast<uint16_t*>(surface->data())[i]);
}

inline std::string CodeOf(const Status& status) { return status.ok() ? "" : status.code(); }

}  // namespace ane_test
