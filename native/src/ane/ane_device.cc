#include "ane/ane_device.h"

#include <new>
#include <utility>

namespace ane {
namespace {

Status Disposed() { return InvalidArgument("Expected a live device, got a disposed one."); }

AneIdentity ReadIdentity(const Framework& framework) {
  const MethodTable& methods = framework.methods();
  const AutoreleasePool pool(framework.objc());
  AneIdentity identity;
  identity.simulated = framework.simulated();
  if (methods.has(Call::kAneSubType)) identity.sub_type = framework.Text(methods.SendClass<Id>(Call::kAneSubType));
  if (methods.has(Call::kBuildVersion)) identity.build = framework.Text(methods.SendClass<Id>(Call::kBuildVersion));
  if (methods.has(Call::kAneCores)) identity.cores = methods.SendClass<uint32_t>(Call::kAneCores);
  identity.removed_leftovers = ModelFolder::RemoveLeftovers(framework.Text(framework.objc().temporary_directory()));
  return identity;
}

bool HasPerfStats(const MethodTable& methods) {
  return methods.has(Call::kSetPerfStatsMask) && methods.has(Call::kStatsWithTime) &&
         methods.has(Call::kRequestStats) && methods.has(Call::kStatsTime);
}

}  // namespace

AneDevice::AneDevice(std::shared_ptr<AneServices> services, AneIdentity identity, int threads)
    : Device(threads, true), identity_(std::move(identity)), services_(std::move(services)) {}

AneDevice::~AneDevice() { OnDispose(); }

Result<std::shared_ptr<AneDevice>> AneDevice::Create(std::shared_ptr<const Framework> framework,
                                                     const AneOptions& options) {
  const AutoreleasePool pool(framework->objc());
  if (framework->methods().has(Call::kHasAne) && !framework->methods().SendClass<bool>(Call::kHasAne)) {
    return Status("ANE_UNAVAILABLE", "This system says it has no Neural Engine.");
  }
  if (options.perf_stats && !HasPerfStats(framework->methods())) {
    return Status("ANE_UNAVAILABLE", "This system's framework has no performance statistics.");
  }
  auto services = std::make_shared<AneServices>();
  services->models = std::make_shared<ModelCache>(framework, options.qos, options.compile_budget);
  services->surfaces = std::make_shared<SurfaceRegistry>();
  services->programs = std::make_shared<ProgramList>();
  services->perf_stats = options.perf_stats;
  AneIdentity identity = ReadIdentity(*framework);
  services->framework = std::move(framework);
  return std::shared_ptr<AneDevice>(new AneDevice(std::move(services), std::move(identity), options.threads));
}

std::shared_ptr<AneServices> AneDevice::services() const {
  std::lock_guard<std::mutex> lock(services_mutex_);
  return services_;
}

Result<std::shared_ptr<void>> AneDevice::AllocateSurface(size_t bytes) {
  const auto services = this->services();
  if (services == nullptr) return Disposed();
  return services->surfaces->Allocate(*services->framework, bytes);
}

Result<std::unique_ptr<Executable>> AneDevice::CompileExecutable(std::string_view text, const CompileOptions& options) {
  auto services = this->services();
  if (services == nullptr) return Disposed();
  Result<std::unique_ptr<Executable>> described = Executable::Compile(text, options);
  if (!described.ok()) return described;
  if (options.function != "main") {
    return Status("ANE_COMPILE_FAILED",
                  "Expected main for the function on the Neural Engine, which runs the first one only, got " +
                      options.function + ".");
  }
  try {
    Result<std::unique_ptr<AneExecutable>> executable =
        AneExecutable::Create(std::move(services), *described.value(), text, options);
    if (!executable.ok()) return executable.status();
    if (this->services() == nullptr) return Disposed();  // while it compiled
    return std::unique_ptr<Executable>(std::move(executable.value()));
  } catch (const std::bad_alloc&) {
    throw;
  } catch (...) {  // an Objective-C exception
    return Status("ANE_COMPILE_FAILED", "The Neural Engine's framework raised an exception while it compiled.");
  }
}

void AneDevice::OnDispose() {
  std::shared_ptr<AneServices> services;
  {
    std::lock_guard<std::mutex> lock(services_mutex_);
    std::swap(services, services_);
  }
  if (services == nullptr) return;
  std::lock_guard<std::mutex> lock(services->programs->mutex);
  for (AneExecutable* program : services->programs->all) program->Close();
}

Result<AneStatistics> AneDevice::Statistics() const {
  const auto services = this->services();
  if (services == nullptr) return Disposed();
  const ModelCounters& models = services->models->counters();
  const RunCounters& runs = services->counters;
  AneStatistics s{};
  s.compiles = models.compiles;
  s.cache_hits = models.cache_hits;
  s.loads = models.loads;
  s.live_models = models.live;
  s.compile_nanoseconds = models.compile_nanoseconds;
  s.evaluations = runs.evaluations;
  s.requests = runs.requests;
  s.staged_copies = runs.staged_copies;
  s.staged_bytes = runs.staged_bytes;
  s.hardware_nanoseconds = runs.hardware_nanoseconds;
  s.hardware_samples = runs.hardware_samples;
  s.live_surfaces = services->surfaces->live();
  s.surface_bytes = services->surfaces->bytes();
  s.process_compiles = CompilesOfProcess();
  s.simulator = services->framework->SimulatorStatistics();
  return s;
}

}  // namespace ane
