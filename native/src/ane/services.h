// What the executables of one Neural Engine device share.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "ane/framework.h"
#include "ane/model.h"
#include "ane/surface_registry.h"

namespace ane {

struct RunCounters {
  std::atomic<int64_t> evaluations{0};
  std::atomic<int64_t> requests{0};       // built, not evaluated
  std::atomic<int64_t> staged_copies{0};  // inputs and outputs copied because sizes within a program differ
  std::atomic<int64_t> staged_bytes{0};
  std::atomic<int64_t> hardware_nanoseconds{0};
  std::atomic<int64_t> hardware_samples{0};  // evaluations that reported a time
};

class AneExecutable;

// The executables of a device, which closes them when it is disposed, whoever still refers to them.
struct ProgramList {
  std::mutex mutex;
  std::vector<AneExecutable*> all;
};

struct AneServices {
  std::shared_ptr<const Framework> framework;
  std::shared_ptr<ModelCache> models;
  std::shared_ptr<SurfaceRegistry> surfaces;
  std::shared_ptr<ProgramList> programs;
  bool perf_stats = false;
  RunCounters counters;
};

}  // namespace ane
