// The Neural Engine, or its simulator, as a device: programs run there, host kernels on the processor.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "ane/ane_executable.h"
#include "schedule/device.h"

namespace ane {

constexpr uint32_t kDefaultQos = 21;  // what every public project uses
constexpr uint32_t kMaxQos = 63;

struct AneOptions {
  int threads = 1;  // of the host kernels
  uint32_t qos = kDefaultQos;
  bool perf_stats = false;
  int compile_budget = 0;  // as ModelCache
};

// What the system says of itself; empty or 0 where it says nothing.
struct AneIdentity {
  bool simulated = false;
  std::string sub_type;
  std::string build;
  uint32_t cores = 0;
  int removed_leftovers = 0;  // folders of dead processes
};

struct AneStatistics {
  int64_t compiles, compile_nanoseconds, cache_hits, loads, live_models, evaluations, requests, staged_copies,
      staged_bytes, live_surfaces, surface_bytes, hardware_nanoseconds, hardware_samples;
  int process_compiles;
  std::string simulator;  // JSON, empty for a real device
};

class AneDevice : public Device {
 public:
  static Result<std::shared_ptr<AneDevice>> Create(std::shared_ptr<const Framework> framework,
                                                   const AneOptions& options);
  ~AneDevice() override;

  Result<std::shared_ptr<void>> AllocateSurface(size_t bytes) override;
  // Refused first by the CPU engine's own checks, so that most mistakes come with line and column.
  Result<std::unique_ptr<Executable>> CompileExecutable(std::string_view text, const CompileOptions& options) override;

  const AneIdentity& identity() const { return identity_; }
  // INVALID_ARGUMENT once disposed.
  Result<AneStatistics> Statistics() const;

 protected:
  void OnDispose() override;

 private:
  AneDevice(std::shared_ptr<AneServices> services, AneIdentity identity, int threads);
  std::shared_ptr<AneServices> services() const;

  const AneIdentity identity_;
  mutable std::mutex services_mutex_;
  std::shared_ptr<AneServices> services_;
};

}  // namespace ane
