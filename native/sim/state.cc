#include "sim/state.h"

#include <cstdlib>
#include <deque>
#include <mutex>
#include <optional>

#include "sim/json.h"
#include "sim/object.h"

namespace ane::sim {
namespace {

constexpr size_t kKept = 100;

struct State {
  std::mutex mutex;
  Settings settings;
  Counters counters;
  int64_t calls[kCalls] = {};
  std::deque<std::string> errors;
  std::deque<Finding> findings;
  int64_t error_count = 0;
  bool poisoned = false;
};

State& TheState() {
  static State* const state = [] {
    State* made = new State;
    made->settings = DefaultsOf(*FindChip("m4"));
    return made;
  }();
  return *state;
}

// Selectors of framework classes only: Foundation is always whole.
void HideSelectors(const std::set<std::string>& missing) {
  for (Class* entry : AllClasses()) {
    if (!entry->framework) continue;
    for (Class* holder : {entry, entry->isa}) {
      for (auto& [selector, method] : holder->methods)
        method->missing.store(missing.contains(selector->name));
    }
  }
}

// What lives on survives; what was counted is forgotten.
void ForgetCounts(State& state) {
  const Counters before = state.counters;
  state.counters = {};
  state.counters.live_models = before.live_models;
  state.counters.loaded_programs = before.loaded_programs;
  state.counters.live_surfaces = before.live_surfaces;
  state.counters.live_surface_bytes = before.live_surface_bytes;
  state.counters.locked_surfaces = before.locked_surfaces;
  for (int64_t& calls : state.calls) calls = 0;
  state.errors.clear();
  state.findings.clear();
  state.error_count = 0;
  state.poisoned = false;
}

}  // namespace

Settings CurrentSettings() {
  State& state = TheState();
  const std::lock_guard lock(state.mutex);
  return state.settings;
}

bool Configure(const char* json) {
  const std::optional<Settings> settings = ReadSettings(json);
  if (!settings) return false;
  HideSelectors(settings->missing_selectors);
  {
    State& state = TheState();
    const std::lock_guard lock(state.mutex);
    state.settings = *settings;
    ForgetCounts(state);
  }
  ForgetPrograms();
  return true;
}

void Reset() { Configure("{}"); }

void Count(const std::function<void(Counters&)>& change) {
  State& state = TheState();
  const std::lock_guard lock(state.mutex);
  change(state.counters);
}

Counters CurrentCounters() {
  State& state = TheState();
  const std::lock_guard lock(state.mutex);
  return state.counters;
}

void RecordError(std::string message) {
  State& state = TheState();
  const std::lock_guard lock(state.mutex);
  ++state.error_count;
  state.errors.push_back(std::move(message));
  if (state.errors.size() > kKept) state.errors.pop_front();
}

void RecordFinding(Finding finding) {
  State& state = TheState();
  const std::lock_guard lock(state.mutex);
  if (!finding.refused) {
    for (const Finding& known : state.findings) {
      if (known.rule == finding.rule && known.message == finding.message) return;
    }
  }
  state.findings.push_back(std::move(finding));
  if (state.findings.size() > kKept) state.findings.pop_front();
}

bool FaultDue(Call call) {
  State& state = TheState();
  const std::lock_guard lock(state.mutex);
  return state.settings.faults[int(call)].contains(++state.calls[int(call)]);
}

bool FrameworkMissing() {
  State& state = TheState();
  const std::lock_guard lock(state.mutex);
  return state.settings.missing_framework;
}

void Poison() {
  State& state = TheState();
  const std::lock_guard lock(state.mutex);
  state.poisoned = true;
}

bool Poisoned() {
  State& state = TheState();
  const std::lock_guard lock(state.mutex);
  return state.poisoned;
}

std::string StatisticsJson() {
  const int64_t objects = LiveObjects();
  State& state = TheState();
  const std::lock_guard lock(state.mutex);
  const Counters& n = state.counters;
  std::string out = "{\"simulated\":true,\"chip\":" + Quoted(state.settings.chip->name) +
                    ",\"os\":" + Quoted(state.settings.os);
  const auto number = [&out](const char* name, int64_t value) {
    out += std::string(",\"") + name + "\":" + std::to_string(value);
  };
  number("compiles", n.compiles);
  number("compile_limit", state.settings.compile_limit);
  number("cache_hits", n.cache_hits);
  number("loads", n.loads);
  number("unloads", n.unloads);
  number("evaluations", n.evaluations);
  number("failures", n.failures);
  number("live_objects", objects);
  number("live_models", n.live_models);
  number("loaded_programs", n.loaded_programs);
  number("live_surfaces", n.live_surfaces);
  number("live_surface_bytes", n.live_surface_bytes);
  number("locked_surfaces", n.locked_surfaces);
  number("evaluated_flops", n.evaluated_flops);
  number("surface_bytes_moved", n.surface_bytes_moved);
  out += ",\"modelled_nanoseconds\":{\"compile\":" + std::to_string(n.compile_nanoseconds) +
         ",\"load\":" + std::to_string(n.load_nanoseconds) +
         ",\"evaluate\":" + std::to_string(n.evaluate_nanoseconds) + "}";
  number("error_count", state.error_count);
  out += ",\"errors\":[";
  for (size_t i = 0; i < state.errors.size(); ++i) out += (i ? "," : "") + Quoted(state.errors[i]);
  out += "],\"findings\":[";
  for (size_t i = 0; i < state.findings.size(); ++i) {
    const Finding& finding = state.findings[i];
    out += std::string(i ? "," : "") + "{\"rule\":" + Quoted(finding.rule) +
           ",\"refused\":" + (finding.refused ? "true" : "false") +
           ",\"message\":" + Quoted(finding.message) + "}";
  }
  return out + "]}";
}

std::string TemporaryFolder() {
  std::string folder = CurrentSettings().state_dir;
  if (folder.empty()) {
    const char* given = std::getenv("TMPDIR");
    folder = given != nullptr && *given != '\0' ? given : "/tmp";
  }
  if (folder.back() != '/') folder += '/';
  return folder;
}

}  // namespace ane::sim
