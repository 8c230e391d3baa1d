#include "schedule/cpu_device.h"

#include "schedule/surface.h"

namespace ane {

Result<std::shared_ptr<void>> CpuDevice::AllocateSurface(size_t bytes) { return AllocateMemory(bytes); }

Result<std::unique_ptr<Executable>> CpuDevice::CompileExecutable(std::string_view text,
                                                                 const CompileOptions& options) {
  return Executable::Compile(text, options);
}

}  // namespace ane
