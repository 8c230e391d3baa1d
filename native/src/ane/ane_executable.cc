#include "ane/ane_executable.h"

#include <cstring>
#include <utility>

#include "ane/requests.h"

namespace ane {

struct AneExecutable::State {
  std::shared_ptr<AneServices> services;
  std::shared_ptr<const Model> model;
  Requests requests;

  void Transfer(const std::vector<Request::Copy>& copies) const {
    for (const Request::Copy& copy : copies) {
      std::memcpy(copy.to, copy.from, copy.bytes);
      ++services->counters.staged_copies;
      services->counters.staged_bytes += static_cast<int64_t>(copy.bytes);
    }
  }

  void ReadTime(const Request& request) const {
    if (!services->perf_stats) return;
    const Framework& framework = *services->framework;
    const AutoreleasePool pool(framework.objc());
    const Id stats = framework.methods().Send<Id>(Call::kRequestStats, request.object.get());
    const uint64_t time = stats ? framework.methods().Send<uint64_t>(Call::kStatsTime, stats) : 0;
    if (time == 0) return;  // most systems leave it empty
    services->counters.hardware_nanoseconds += static_cast<int64_t>(time);
    ++services->counters.hardware_samples;
  }

  Status Evaluate(const Request& request, const std::string& name) const {
    Transfer(request.before);
    bool held = true;
    for (const auto& surface : request.surfaces) held = surface->Unlock() && held;
    Status status = held ? model->Evaluate(request.object.get(), name)
                         : Status("ANE_EVAL_FAILED", "The system did not unlock a surface of " + name + ".");
    held = true;
    for (const auto& surface : request.surfaces) held = surface->Lock() && held;
    if (!status.ok()) return status;
    if (!held) return {"ANE_EVAL_FAILED", "The system did not lock a surface of " + name + "."};
    ++services->counters.evaluations;
    Transfer(request.after);
    ReadTime(request);
    return {};
  }
};

AneExecutable::AneExecutable(std::shared_ptr<ProgramList> programs, const Executable& described, std::string name)
    : programs_(std::move(programs)),
      name_(std::move(name)),
      inputs_(described.inputs()),
      outputs_(described.outputs()),
      flops_(described.flops()) {
  std::lock_guard<std::mutex> lock(programs_->mutex);
  programs_->all.push_back(this);
}

AneExecutable::~AneExecutable() {
  std::lock_guard<std::mutex> lock(programs_->mutex);
  std::erase(programs_->all, this);
}

Result<std::unique_ptr<AneExecutable>> AneExecutable::Create(std::shared_ptr<AneServices> services,
                                                             const Executable& described, std::string_view text,
                                                             const CompileOptions& options) {
  const std::string& name = options.name.empty() ? options.function : options.name;
  std::unique_ptr<AneExecutable> executable(new AneExecutable(services->programs, described, name));
  ModelSource source{name, text, {}};
  for (const auto& [path, bytes] : options.blobs) {
    if (text.find('"' + path + '"') != std::string_view::npos) source.weights[path] = bytes;
  }
  Result<std::shared_ptr<const Model>> model = services->models->Acquire(source);
  if (!model.ok()) return model.status();
  Result<Ports> in = Ports::Of(executable->inputs_, *services);
  if (!in.ok()) return in.status();
  Result<Ports> out = Ports::Of(executable->outputs_, *services);
  if (!out.ok()) return out.status();
  if (services->perf_stats) {
    services->framework->methods().Send<void>(Call::kSetPerfStatsMask, model.value()->object(), ~uint32_t{0});
  }
  executable->state_.reset(new State{services, std::move(model.value()),
                                     Requests(services, std::move(in.value()), std::move(out.value()))});
  return executable;
}

Status AneExecutable::Run(std::span<const void* const> inputs, std::span<void* const> outputs, void*,
                          ThreadPool&) const {
  std::shared_ptr<State> state;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    state = state_;
  }
  if (state == nullptr) return {"ANE_EVAL_FAILED", "Expected a live program, got " + name_ + ", which is disposed."};
  if (inputs.size() != inputs_.size() || outputs.size() != outputs_.size()) {
    return InvalidArgument("Expected as many surfaces as " + name_ + " has inputs and outputs.");
  }
  try {
    const Result<std::shared_ptr<const Request>> request = state->requests.Bind(inputs, outputs);
    if (!request.ok()) return request.status();
    return state->Evaluate(*request.value(), name_);
  } catch (...) {  // an Objective-C exception
    return {"ANE_EVAL_FAILED", "The Neural Engine's framework raised an exception while it ran " + name_ + "."};
  }
}

void AneExecutable::Close() {
  std::shared_ptr<State> state;
  std::lock_guard<std::mutex> lock(mutex_);
  std::swap(state, state_);
}

}  // namespace ane
