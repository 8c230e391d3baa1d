// What the simulator is set to and what has happened so far, for the whole process.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/chips.h"

namespace ane::sim {

// Kinds of calls that can be made to fail.
enum class Call { kDescriptor, kCompile, kLoad, kEvaluate, kUnload, kSurface };
constexpr int kCalls = 6;

struct Settings {
  const Chip* chip = nullptr;
  std::string os = "26.2";
  std::string state_dir;
  int64_t compile_limit = 0;  // 0: none
  int64_t load_limit = 0;     // 0: none
  bool exclusive = false;     // one process at a time per state_dir
  bool strict = false;        // rules whose reports contradict each other are enforced too
  std::set<std::string> strict_rules;  // or only these of them
  std::set<std::string> ignored_rules;
  std::set<int64_t> faults[kCalls];
  std::set<std::string> missing_selectors;
  bool missing_framework = false;
};

// A chip's own limits and nothing else.
Settings DefaultsOf(const Chip& chip);
// Nothing when the JSON is not understood.
std::optional<Settings> ReadSettings(const char* json);

// Numbers of `ane_simulator_statistics`.
struct Counters {
  int64_t compiles = 0, cache_hits = 0, loads = 0, unloads = 0, evaluations = 0, failures = 0;
  int64_t live_models = 0, loaded_programs = 0, live_surfaces = 0, live_surface_bytes = 0,
          locked_surfaces = 0;
  int64_t compile_nanoseconds = 0, load_nanoseconds = 0, evaluate_nanoseconds = 0;
  int64_t evaluated_flops = 0, surface_bytes_moved = 0;
};

// A limit that was met. A refusal made a call fail; the others are warnings.
struct Finding {
  std::string rule;
  std::string message;
  bool refused;
};

// A copy of the settings in force.
Settings CurrentSettings();
// Replaces the settings and forgets counts, findings and errors. False when the JSON is not
// understood.
bool Configure(const char* json);
void Reset();

// Changes counters under the lock.
void Count(const std::function<void(Counters&)>& change);
Counters CurrentCounters();

// A misuse that would have crashed, or thrown inside, the real framework; the last hundred are
// kept.
void RecordError(std::string message);
void RecordFinding(Finding finding);

// Counts a call of a kind and tells whether this one is to fail.
bool FaultDue(Call call);
bool FrameworkMissing();

// `tile` ran on a chip where that spoils the process (C-27).
void Poison();
bool Poisoned();

// A JSON object of everything above.
std::string StatisticsJson();

// The folder NSTemporaryDirectory names, with a slash at the end.
std::string TemporaryFolder();

// Called by Reset: drops cached programs.
void ForgetPrograms();

}  // namespace ane::sim
