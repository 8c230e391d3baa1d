// processor, kernels, measurePeakFlops, measureMemoryBandwidth: what this machine has and can do.
#include "node/processor.h"

#include <cstdlib>
#include <string>

#include "kernels/bandwidth.h"
#include "kernels/kernel_choices.h"
#include "kernels/peak.h"
#include "kernels/vec.h"
#include "node/arguments.h"
#include "node/objects.h"
#include "node/promise_worker.h"

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

// () → [{ factors, kernel, needs, runs, used }], as in KernelChoice.
Result<Napi::Value> Kernels(const Napi::CallbackInfo& info) {
  const Status isa = CheckIsa();
  if (!isa.ok()) return isa;
  Napi::Array kernels = Napi::Array::New(info.Env());
  for (const KernelChoice& choice : KernelChoices()) {
    Napi::Object kernel = Napi::Object::New(info.Env());
    kernel.Set("factors", choice.factors);
    kernel.Set("kernel", choice.kernel);
    kernel.Set("needs", choice.needs != nullptr ? Napi::Value(Napi::String::New(info.Env(), choice.needs))
                                                 : Napi::Value(info.Env().Null()));
    kernel.Set("runs", choice.runs);
    kernel.Set("used", choice.used);
    kernels.Set(kernels.Length(), kernel);
  }
  return Napi::Value(kernels);
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

}  // namespace

Status CheckIsa() {
  const char* wanted = std::getenv("ANE_ISA");
  if (wanted == nullptr || *wanted == '\0' || FindVec(wanted) != nullptr) return {};
  std::string known;
  for (const char* isa : kIsas) {
    if (FindVec(isa) != nullptr) known += (known.empty() ? "" : ", ") + std::string(isa);
  }
  return OutOfRange("Expected one of " + known + " for ANE_ISA, got " + wanted + ".");
}

void ExportProcessor(Napi::Env env, Napi::Object exports) {
  Export<Processor>(env, exports, "processor");
  Export<Kernels>(env, exports, "kernels");
  Export<MeasurePeakFlops>(env, exports, "measurePeakFlops");
  Export<MeasureBandwidth>(env, exports, "measureMemoryBandwidth");
}

}  // namespace ane::node
