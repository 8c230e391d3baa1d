#include "schedule/device.h"

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

namespace ane {
namespace {

std::string ShapeText(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

Status CheckBinding(const IoDescription& io, const Surface* surface) {
  if (surface == nullptr) return InvalidArgument("Expected a surface for " + io.name + ", got none.");
  if (surface->disposed()) return InvalidArgument("Expected a live surface for " + io.name + ", got a disposed one.");
  if (surface->dtype() == io.dtype && surface->shape() == io.shape) return {};
  const char* name = SurfaceDtypeName(io.dtype);
  return InvalidArgument("Expected " + std::string(name ? name : "another type") + " " + ShapeText(io.shape) + " for " +
                         io.name + ", got " + SurfaceDtypeName(surface->dtype()) + " " + ShapeText(surface->shape()) +
                         ".");
}

}  // namespace

Device::Device(int threads, bool exact)
    : exact_(exact), threads_(threads), pool_(std::make_unique<ThreadPool>(threads)) {}

void Device::Dispose() {
  const bool again = disposed_.exchange(true, std::memory_order_acq_rel);
  std::lock_guard<std::mutex> lock(mutex_);
  if (!again) OnDispose();
  pool_.reset();
  scratch_.reset();
  scratch_bytes_ = 0;
}

Status Device::ReserveScratch(size_t bytes, const std::string& program) {
  if (bytes == 0) return {};  // without waiting for a run
  std::lock_guard<std::mutex> lock(mutex_);
  if (bytes <= scratch_bytes_) return {};
  std::shared_ptr<void> larger = AllocateAligned(bytes);
  if (larger == nullptr) {
    return {"OUT_OF_MEMORY",
            "Not enough memory for the " + std::to_string(bytes) + " bytes that program " + program + " works in."};
  }
  scratch_ = std::move(larger);
  scratch_bytes_ = bytes;
  return {};
}

Program::Program(std::shared_ptr<Device> device, std::unique_ptr<Executable> executable)
    : device_(std::move(device)), executable_(std::move(executable)) {}

Result<std::shared_ptr<Program>> Program::Compile(std::shared_ptr<Device> device, std::string_view text,
                                                        const CompileOptions& options) {
  if (device->disposed()) return InvalidArgument("Expected a live device, got a disposed one.");
  try {
    Result<std::unique_ptr<Executable>> compiled = device->CompileExecutable(text, options);
    if (!compiled.ok()) return compiled.status();
    const std::string& name = options.name.empty() ? options.function : options.name;
    const Status reserved = device->ReserveScratch(compiled.value()->scratch_bytes(), name);
    if (!reserved.ok()) {
      const std::string largest = compiled.value()->largest_scratch();
      return Status(reserved.code(),
                    reserved.message() + (largest.empty() ? "" : " Its largest values are " + largest + " bytes."));
    }
    return std::shared_ptr<Program>(new Program(std::move(device), std::move(compiled.value())));
  } catch (const std::bad_alloc&) {
    return Status("OUT_OF_MEMORY", "Not enough memory to compile the program.");
  } catch (const std::exception& error) {
    return Status("ANE_COMPILE_FAILED", std::string("The compiler stopped: ") + error.what() + ".");
  }
}

void Program::Dispose() {
  if (!disposed_.exchange(true, std::memory_order_acq_rel)) executable_->Close();
}

Status Program::CheckBindings(const std::vector<std::shared_ptr<Surface>>& inputs,
                                 const std::vector<std::shared_ptr<Surface>>& outputs) const {
  const auto& ins = executable_->inputs();
  const auto& outs = executable_->outputs();
  if (inputs.size() != ins.size() || outputs.size() != outs.size()) {
    return InvalidArgument("Expected " + std::to_string(ins.size()) + " inputs and " + std::to_string(outs.size()) +
                           " outputs, got " + std::to_string(inputs.size()) + " and " +
                           std::to_string(outputs.size()) + ".");
  }
  for (size_t i = 0; i < ins.size(); ++i) {
    Status status = CheckBinding(ins[i], inputs[i].get());
    if (!status.ok()) return status;
  }
  for (size_t i = 0; i < outs.size(); ++i) {
    Status status = CheckBinding(outs[i], outputs[i].get());
    if (!status.ok()) return status;
    const auto& surface = outputs[i];
    if (std::find(inputs.begin(), inputs.end(), surface) != inputs.end() ||
        std::find(outputs.begin(), outputs.begin() + i, surface) != outputs.begin() + i) {
      return InvalidArgument("Expected a surface of its own for " + outs[i].name + ", got one that is bound twice.");
    }
  }
  return {};
}

}  // namespace ane
