// The CPU engine as a device: surfaces are ordinary memory, programs are compiled by the engine.
#pragma once

#include <memory>
#include <string_view>

#include "schedule/device.h"

namespace ane {

class CpuDevice : public Device {
 public:
  using Device::Device;
  Result<std::shared_ptr<void>> AllocateSurface(size_t bytes) override;
  Result<std::unique_ptr<Executable>> CompileExecutable(std::string_view text, const CompileOptions& options) override;
};

}  // namespace ane
