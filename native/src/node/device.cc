// deviceCreate, deviceDispose, deviceCompile, processor, measurePeakFlops, measureMemoryBandwidth.
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/bandwidth.h"
#include "kernels/gemm.h"
#include "kernels/peak.h"
#include "kernels/vec.h"
#include "node/arguments.h"
#include "node/objects.h"
#include "node/promise_worker.h"
#include "schedule/cpu_device.h"

namespace ane::node {
namespace {

constexpr int64_t kMaxMilliseconds = 60000;
constexpr const char* kIsas[] = {"avx512", "avx2", "neon", "portable"};

// () → { isas: what this processor runs, availableCores }.
Result<Napi::Value> Processor(const Napi::CallbackInfo& info) {
  Napi::Array isas = Napi::Array::New(info.Env());
  for (const char* isa : kIsas) {
    if (FindVec(isa) != nullptr) isas.Set(isas.Length(), isa);
  }
  Napi::Object processor = Napi::Object::New(info.Env());
  processor.Set("isas", isas);
  processor.Set("availableCores", ThreadPool::AvailableCores());
  return Napi::Value(processor);
}

// The kernels are chosen once per process, so a wrong ANE_ISA is found before the first choice.
Status CheckIsa() {
  const char* wanted = std::getenv("ANE_ISA");
  if (wanted == nullptr || *wanted == '\0' || FindVec(wanted) != nullptr) return {};
  std::string known;
  for (const char* isa : kIsas) {
    if (FindVec(isa) != nullptr) known += (known.empty() ? "" : ", ") + std::string(isa);
  }
  return OutOfRange("Expected one of " + known + " for ANE_ISA, got " + wanted + ".");
}

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

// On how many threads to measure, and for how long.
struct Measurement {
  int threads;
  double seconds;
};
Result<Measurement> GetMeasurement(const Napi::CallbackInfo& info) {
  const Result<int64_t> threads = GetInteger(info[0], "threads", 1, ThreadPool::AvailableCores());
  if (!threads.ok()) return threads.status();
  const Result<int64_t> milliseconds = GetInteger(info[1], "milliseconds", 1, kMaxMilliseconds);
  if (!milliseconds.ok()) return milliseconds.status();
  const Status isa = CheckIsa();
  if (!isa.ok()) return isa;
  return Measurement{static_cast<int>(threads.value()), static_cast<double>(milliseconds.value()) * 1e-3};
}

class PeakWorker : public PromiseWorker {
 public:
  PeakWorker(Napi::Env env, const Measurement& measurement, Factors factors)
      : PromiseWorker(env), measurement_(measurement), factors_(factors) {}

 protected:
  Status Perform() override {
    ThreadPool pool(measurement_.threads);
    flops_ = MeasurePeak(pool, factors_, measurement_.seconds);
    return {};
  }
  Result<Napi::Value> Resolution(Napi::Env env) override {
    return flops_ > 0 ? Napi::Value(Napi::Number::New(env, flops_)) : Napi::Value(env.Null());
  }

 private:
  Measurement measurement_;
  Factors factors_;
  double flops_ = 0;
};

Result<Factors> GetFactors(const Napi::Value& value) {
  const Result<std::string> name = GetString(value, "factors");
  if (!name.ok()) return name.status();
  if (name.value() == "fp32") return Factors::kFp32;
  if (name.value() == "bf16") return Factors::kBf16;
  if (name.value() == "int8") return Factors::kInt8;
  return InvalidArgument("Expected fp32, bf16 or int8 for factors, got " + name.value() + ".");
}

// (threads, milliseconds, factors) → promise of FLOP/s, or of null where the processor multiplies no such numbers.
Result<Napi::Value> MeasurePeakFlops(const Napi::CallbackInfo& info) {
  const Result<Measurement> measurement = GetMeasurement(info);
  if (!measurement.ok()) return measurement.status();
  const Result<Factors> factors = GetFactors(info[2]);
  if (!factors.ok()) return factors.status();
  return PromiseWorker::Start(new PeakWorker(info.Env(), measurement.value(), factors.value()));
}

class BandwidthWorker : public PromiseWorker {
 public:
  BandwidthWorker(Napi::Env env, const Measurement& measurement) : PromiseWorker(env), measurement_(measurement) {}

 protected:
  Status Perform() override {
    ThreadPool pool(measurement_.threads);
    const Result<MemoryBandwidth> measured = MeasureMemoryBandwidth(pool, measurement_.seconds);
    if (!measured.ok()) return measured.status();
    bandwidth_ = measured.value();
    return {};
  }
  Result<Napi::Value> Resolution(Napi::Env env) override {
    Napi::Object result = Napi::Object::New(env);
    result.Set("read", bandwidth_.read);
    result.Set("copy", bandwidth_.copy);
    return Napi::Value(result);
  }

 private:
  Measurement measurement_;
  MemoryBandwidth bandwidth_;
};

// (threads, milliseconds) → promise of { read, copy } in bytes per second.
Result<Napi::Value> MeasureBandwidth(const Napi::CallbackInfo& info) {
  const Result<Measurement> measurement = GetMeasurement(info);
  if (!measurement.ok()) return measurement.status();
  return PromiseWorker::Start(new BandwidthWorker(info.Env(), measurement.value()));
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
  Export<Processor>(env, exports, "processor");
  Export<MeasurePeakFlops>(env, exports, "measurePeakFlops");
  Export<MeasureBandwidth>(env, exports, "measureMemoryBandwidth");
  Export<DeviceCreate>(env, exports, "deviceCreate");
  Export<DisposeHandle<Device>>(env, exports, "deviceDispose");
  Export<DeviceCompile>(env, exports, "deviceCompile");
}

}  // namespace ane::node
