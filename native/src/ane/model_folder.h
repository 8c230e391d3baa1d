// The folder the compiler service reads a model from, and its removal.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"

namespace ane {

// Weight files by the path the program names ("@model_path/weights/w.bin").
using WeightFiles = std::map<std::string, std::span<const uint8_t>>;

// `<temporary>/<identifier>` with model.mil and the weight files. The name is the framework's, so processes may share
// it: each leaves an empty file `ane-owner.<pid>.<identifier>` beside it, written first and removed last.
class ModelFolder {
 public:
  ModelFolder() = default;
  ModelFolder(ModelFolder&& other) noexcept;
  ModelFolder& operator=(ModelFolder&& other) noexcept;
  // Removes the folder unless another living process owns it too.
  ~ModelFolder();

  // On failure nothing is left behind.
  static Result<ModelFolder> Write(const std::string& temporary, const std::string& identifier, std::string_view text,
                                   const WeightFiles& weights);

  // Removes what processes that ended without cleaning up left in `temporary`. Returns the number of folders.
  static int RemoveLeftovers(const std::string& temporary);

 private:
  ModelFolder(std::string temporary, std::string identifier);

  std::string temporary_;
  std::string identifier_;  // empty when nothing is owned
};

}  // namespace ane
