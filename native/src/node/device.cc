// deviceCreate, deviceDispose, deviceCompile.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/gemm.h"
#include "kernels/vec.h"
#include "node/arguments.h"
#include "node/objects.h"
#include "node/processor.h"
#include "node/promise_worker.h"
#include "schedule/cpu_device.h"

namespace ane::node {
namespace {

// (threads, exact) → handle with `isa` and `arithmetic`.
Result<Napi::Value> DeviceCreate(const Napi::CallbackInfo& info) {
  const Result<int64_t> threads = GetInteger(info[0], "threads", 1, ThreadPool::AvailableCores());
  if (!threads.ok()) return threads.status();
  const Result<bool> exact = GetBoolean(info[1], "exact");
  if (!exact.ok()) return exact.status();
  const Status isa = CheckIsa();
  if (!isa.ok()) return isa;
  Result<Napi::Object> handle =
      MakeHandle<Device>(info.Env(), std::make_shared<CpuDevice>(static_cast<int>(threads.value()), exact.value()));
  if (!handle.ok()) return handle.status();
  handle.value().Set("isa", Vec().isa);
  handle.value().Set("arithmetic", ArithmeticOf(exact.value()) == Arithmetic::kBf16 ? "bf16" : "fp32");
  return Napi::Value(handle.value());
}

class CompileWorker : public PromiseWorker {
 public:
  CompileWorker(Napi::Env env, std::shared_ptr<Device> device, std::string text)
      : PromiseWorker(env), device_(std::move(device)), text_(std::move(text)) {
    options_.exact = device_->exact();
  }

  CompileOptions& options() { return options_; }
  // Keeps a weight file's memory alive while the worker reads it.
  void Hold(const ArrayMemory& memory) { blobs_.emplace_back(memory); }
  // Whether all weight files still have their memory; reading later arguments may have run JavaScript.
  bool intact() const {
    return std::all_of(blobs_.begin(), blobs_.end(), [](const ArrayReference& blob) { return blob.intact(); });
  }

 protected:
  Status Perform() override {
    Result<std::shared_ptr<Program>> compiled = Program::Compile(device_, text_, options_);
    if (!compiled.ok()) return compiled.status();
    program_ = std::move(compiled.value());
    return {};
  }

  Result<Napi::Value> Resolution(Napi::Env env) override {
    const Result<Napi::Object> handle = MakeHandle(env, std::move(program_));
    if (!handle.ok()) return handle.status();
    return Napi::Value(handle.value());
  }

 private:
  std::shared_ptr<Device> device_;
  std::string text_;
  CompileOptions options_;
  std::vector<ArrayReference> blobs_;
  std::shared_ptr<Program> program_;
};

// [[path, Uint8Array], …]
Status ReadBlobs(const Napi::Value& value, CompileWorker& worker) {
  const Result<Napi::Array> pairs = GetArray(value, "blobs");
  if (!pairs.ok()) return pairs.status();
  for (uint32_t i = 0; i < pairs.value().Length(); ++i) {
    const Napi::Value item = pairs.value().Get(i);
    const Result<Napi::Array> pair = GetArray(item, "blobs");
    if (!pair.ok()) return pair.status();
    const Napi::Value path_value = pair.value().Get(0u);
    const Result<std::string> path = GetString(path_value, "blob path");
    if (!path.ok()) return path.status();
    const Napi::Value bytes_value = pair.value().Get(1u);
    const Result<ArrayMemory> bytes = GetTypedArray(bytes_value, "blob " + path.value());
    if (!bytes.ok()) return bytes.status();
    worker.options().blobs[path.value()] = {static_cast<const uint8_t*>(bytes.value().data), bytes.value().bytes};
    worker.Hold(bytes.value());
  }
  return {};
}

// [[name, shape], …]
Status ReadInputShapes(const Napi::Value& value, CompileOptions& options) {
  const Result<Napi::Array> pairs = GetArray(value, "inputShapes");
  if (!pairs.ok()) return pairs.status();
  for (uint32_t i = 0; i < pairs.value().Length(); ++i) {
    const Napi::Value item = pairs.value().Get(i);
    const Result<Napi::Array> pair = GetArray(item, "inputShapes");
    if (!pair.ok()) return pair.status();
    const Napi::Value name_value = pair.value().Get(0u);
    const Result<std::string> name = GetString(name_value, "input name");
    if (!name.ok()) return name.status();
    const Napi::Value shape_value = pair.value().Get(1u);
    Result<std::vector<int64_t>> shape = GetShape(shape_value, "input " + name.value());
    if (!shape.ok()) return shape.status();
    options.input_shapes[name.value()] = std::move(shape.value());
  }
  return {};
}

// (device, text, function, blobs, inputShapes, lenientBlobs, name) → promise of a program handle.
Result<Napi::Value> DeviceCompile(const Napi::CallbackInfo& info) {
  const auto device = GetHandle<Device>(info[0], "device");
  if (!device.ok()) return device.status();
  if (device.value()->disposed()) return InvalidArgument("Expected a live device, got a disposed one.");
  Result<std::string> text = GetString(info[1], "mil");
  if (!text.ok()) return text.status();
  Result<std::string> function = GetString(info[2], "function");
  if (!function.ok()) return function.status();
  const Result<bool> lenient = GetBoolean(info[5], "lenientBlobs");
  if (!lenient.ok()) return lenient.status();
  Result<std::string> name = GetString(info[6], "name");
  if (!name.ok()) return name.status();

  auto worker = std::make_unique<CompileWorker>(info.Env(), device.value(), std::move(text.value()));
  worker->options().function = std::move(function.value());
  worker->options().name = std::move(name.value());
  worker->options().lenient_blobs = lenient.value();
  Status status = ReadBlobs(info[3], *worker);
  if (status.ok()) status = ReadInputShapes(info[4], worker->options());
  if (!status.ok()) return status;
  if (!worker->intact()) return InvalidArgument("Expected arrays with memory for blobs, got a detached one.");
  return PromiseWorker::Start(worker.release());
}

}  // namespace

void ExportDevices(Napi::Env env, Napi::Object exports) {
  Export<DeviceCreate>(env, exports, "deviceCreate");
  Export<DisposeHandle<Device>>(env, exports, "deviceDispose");
  Export<DeviceCompile>(env, exports, "deviceCompile");
}

}  // namespace ane::node
