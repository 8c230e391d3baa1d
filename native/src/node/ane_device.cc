// aneDeviceCreate, aneDeviceStatistics, aneMethods.
#include "ane/ane_device.h"

#include <memory>
#include <string>
#include <utility>

#include "node/arguments.h"
#include "node/objects.h"

namespace ane::node {
namespace {

Result<std::shared_ptr<const Framework>> OpenFramework(const std::string& simulator, const std::string& configuration) {
  return simulator.empty() ? Framework::OpenSystem() : Framework::OpenSimulator(simulator, configuration);
}

// (threads, qos, perfStats, compileBudget, simulator, configuration) → device handle with `identity`. `simulator` is
// the path of a simulator's library and `configuration` its JSON; an empty path means this Mac's own framework.
Result<Napi::Value> AneDeviceCreate(const Napi::CallbackInfo& info) {
  const Result<int64_t> threads = GetInteger(info[0], "threads", 1, ThreadPool::AvailableCores());
  if (!threads.ok()) return threads.status();
  const Result<int64_t> qos = GetInteger(info[1], "qos", 0, kMaxQos);
  if (!qos.ok()) return qos.status();
  const Result<bool> perf_stats = GetBoolean(info[2], "perfStats");
  if (!perf_stats.ok()) return perf_stats.status();
  const Result<int64_t> budget = GetInteger(info[3], "compileBudget", 0, 1000000);
  if (!budget.ok()) return budget.status();
  const Result<std::string> simulator = GetString(info[4], "simulator");
  if (!simulator.ok()) return simulator.status();
  const Result<std::string> configuration = GetString(info[5], "configuration");
  if (!configuration.ok()) return configuration.status();

  Result<std::shared_ptr<const Framework>> framework = OpenFramework(simulator.value(), configuration.value());
  if (!framework.ok()) return framework.status();
  const AneOptions options{static_cast<int>(threads.value()), static_cast<uint32_t>(qos.value()), perf_stats.value(),
                           static_cast<int>(budget.value())};
  Result<std::shared_ptr<AneDevice>> device = AneDevice::Create(std::move(framework.value()), options);
  if (!device.ok()) return device.status();
  const AneIdentity& identity = device.value()->identity();
  Napi::Object facts = Napi::Object::New(info.Env());
  facts.Set("simulated", identity.simulated);
  facts.Set("subType", identity.sub_type);
  facts.Set("build", identity.build);
  facts.Set("cores", identity.cores);
  facts.Set("removedLeftovers", identity.removed_leftovers);
  Result<Napi::Object> handle = MakeHandle<Device>(info.Env(), std::move(device.value()));
  if (!handle.ok()) return handle.status();
  handle.value().Set("identity", facts);
  return Napi::Value(handle.value());
}

// (device) → counts so far; `simulator` is the simulator's own JSON or empty.
Result<Napi::Value> AneDeviceStatistics(const Napi::CallbackInfo& info) {
  const auto device = GetHandle<Device>(info[0], "device");
  if (!device.ok()) return device.status();
  const auto* neural_engine = dynamic_cast<const AneDevice*>(device.value().get());
  if (neural_engine == nullptr) return InvalidArgument("Expected a Neural Engine device for device.");
  const Result<AneStatistics> read = neural_engine->Statistics();
  if (!read.ok()) return read.status();
  const AneStatistics& s = read.value();
  Napi::Object statistics = Napi::Object::New(info.Env());
  const std::pair<const char*, int64_t> counts[] = {
      {"compiles", s.compiles},
      {"processCompiles", s.process_compiles},
      {"cacheHits", s.cache_hits},
      {"loads", s.loads},
      {"livePrograms", s.live_models},
      {"evaluations", s.evaluations},
      {"requests", s.requests},
      {"stagedCopies", s.staged_copies},
      {"stagedBytes", s.staged_bytes},
      {"liveSurfaces", s.live_surfaces},
      {"surfaceBytes", s.surface_bytes},
      {"hardwareNanoseconds", s.hardware_nanoseconds},
      {"hardwareSamples", s.hardware_samples},
  };
  for (const auto& [name, count] : counts) statistics.Set(name, static_cast<double>(count));
  statistics.Set("compileMs", static_cast<double>(s.compile_nanoseconds) * 1e-6);
  statistics.Set("nearCompileLimit", s.process_compiles >= kCompileWarning);
  statistics.Set("simulator", s.simulator);
  return Napi::Value(statistics);
}

// (simulator) → [{ name, expected, found, required, ok, evidence }, …]; an empty path means this Mac's own framework.
Result<Napi::Value> AneMethods(const Napi::CallbackInfo& info) {
  const Result<std::string> simulator = GetString(info[0], "simulator");
  if (!simulator.ok()) return simulator.status();
  const Result<std::vector<MethodReport>> report = Framework::Report(simulator.value());
  if (!report.ok()) return report.status();
  Napi::Array rows = Napi::Array::New(info.Env());
  for (const MethodReport& method : report.value()) {
    Napi::Object row = Napi::Object::New(info.Env());
    row.Set("name", method.name);
    row.Set("expected", method.expected);
    row.Set("found", method.found);
    row.Set("required", method.required);
    row.Set("ok", method.ok);
    row.Set("evidence", method.evidence);
    rows.Set(rows.Length(), row);
  }
  return Napi::Value(rows);
}

}  // namespace

void ExportAneDevices(Napi::Env env, Napi::Object exports) {
  Export<AneDeviceCreate>(env, exports, "aneDeviceCreate");
  Export<AneDeviceStatistics>(env, exports, "aneDeviceStatistics");
  Export<AneMethods>(env, exports, "aneMethods");
}

}  // namespace ane::node
