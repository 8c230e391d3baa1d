#include "ane/ane_executable.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <unordered_map>
#include <utility>

namespace ane {
namespace {

struct Copy {
  void* to;
  const void* from;
  size_t bytes;
};

// One request, ready to evaluate again and again.
struct Request {
  std::vector<const void*> key;  // base addresses of inputs and outputs in declared order
  std::vector<std::shared_ptr<DeviceSurface>> surfaces;
  std::vector<Copy> before, after;
  ObjectRef object;
};

uint64_t HashOf(std::span<const void* const> inputs, std::span<void* const> outputs) {
  uint64_t hash = 1469598103934665603u;
  const auto mix = [&](const void* base) { hash = (hash ^ reinterpret_cast<uintptr_t>(base)) * 1099511628211u; };
  for (const void* base : inputs) mix(base);
  for (const void* base : outputs) mix(base);
  return hash;
}

bool Matches(const Request& request, std::span<const void* const> inputs, std::span<void* const> outputs) {
  return std::equal(inputs.begin(), inputs.end(), request.key.begin()) &&
         std::equal(outputs.begin(), outputs.end(), request.key.begin() + static_cast<std::ptrdiff_t>(inputs.size()));
}

// The inputs or the outputs of a program in the order the Neural Engine binds them.
struct Ports {
  std::vector<size_t> order;                   // declared indices, by name
  std::vector<size_t> bytes;                   // by declared index
  std::vector<std::shared_ptr<void>> staging;  // by declared index; set where the surface is smaller than the largest

  // The engine binds by the alphabet and wants surfaces of equal size (seen on M4 Max): smaller ones are copied.
  Status Prepare(const std::vector<IoDescription>& all, AneServices& services) {
    order.resize(all.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return all[a].name < all[b].name; });
    size_t largest = 0;
    for (const IoDescription& io : all) {
      size_t elements = 1;
      for (const int64_t dim : io.shape) elements *= static_cast<size_t>(dim);
      bytes.push_back(elements * SizeOf(io.dtype));
      largest = std::max(largest, SurfaceAllocation(bytes.back()));
    }
    staging.resize(all.size());
    for (size_t i = 0; i < all.size(); ++i) {
      if (SurfaceAllocation(bytes[i]) == largest) continue;
      Result<std::shared_ptr<void>> memory = services.surfaces->Allocate(*services.framework, largest);
      if (!memory.ok()) return memory.status();
      staging[i] = std::move(memory.value());
    }
    return {};
  }
};

}  // namespace

struct AneExecutable::State {
  std::shared_ptr<AneServices> services;
  std::shared_ptr<const Model> model;
  Ports inputs, outputs;
  uint64_t listener = 0;
  // Guarded by the registry's mutex.
  std::unordered_multimap<uint64_t, std::shared_ptr<Request>> requests;

  ~State() {
    services->surfaces->RemoveListener(listener);
    requests.clear();  // before the model they were made for
  }

  void Forget(const void* base) {
    std::erase_if(requests, [&](const auto& entry) {
      return std::find(entry.second->key.begin(), entry.second->key.end(), base) != entry.second->key.end();
    });
  }

  std::shared_ptr<Request> Find(uint64_t hash, std::span<const void* const> in, std::span<void* const> out) const {
    const auto [begin, end] = requests.equal_range(hash);
    for (auto at = begin; at != end; ++at) {
      if (Matches(*at->second, in, out)) return at->second;
    }
    return nullptr;
  }

  // Adds one surface object per port to `objects`, its index to `indices`.
  Status AddPorts(const Ports& ports, std::span<const void* const> bases, bool output, Id objects, Id indices,
                  Request& request) const {
    const MethodTable& methods = services->framework->methods();
    for (size_t slot = 0; slot < ports.order.size(); ++slot) {
      const size_t i = ports.order[slot];
      void* bound = const_cast<void*>(bases[i]);
      std::shared_ptr<DeviceSurface> surface = services->surfaces->Find(bound);
      if (surface == nullptr) return InvalidArgument("Expected surfaces of this device, got other memory.");
      if (void* staging = ports.staging[i].get()) {
        surface = services->surfaces->Find(staging);
        if (output)
          request.after.push_back({bound, staging, ports.bytes[i]});
        else
          request.before.push_back({staging, bound, ports.bytes[i]});
      }
      const Id object = methods.SendClass<Id>(Call::kSurfaceObject, surface->ref());
      if (object == nullptr) return {"ANE_EVAL_FAILED", "The Neural Engine accepted no object for a surface."};
      methods.Send<void>(Call::kArrayAdd, objects, object);
      methods.Send<void>(Call::kArrayAdd, indices, methods.SendClass<Id>(Call::kNumberWithInt, static_cast<int>(slot)));
      auto& all = request.surfaces;
      if (std::find(all.begin(), all.end(), surface) == all.end()) all.push_back(std::move(surface));
    }
    return {};
  }

  // With the registry's mutex held.
  Result<std::shared_ptr<Request>> Build(std::span<const void* const> in, std::span<void* const> out) const {
    const Framework& framework = *services->framework;
    const MethodTable& methods = framework.methods();
    const AutoreleasePool pool(framework.objc());
    auto request = std::make_shared<Request>();
    request->key.assign(in.begin(), in.end());
    request->key.insert(request->key.end(), out.begin(), out.end());
    Id arrays[4];
    for (Id& array : arrays) array = methods.SendClass<Id>(Call::kArray);
    Status status = AddPorts(inputs, in, false, arrays[0], arrays[1], *request);
    const std::vector<const void*> out_bases(out.begin(), out.end());
    if (status.ok()) status = AddPorts(outputs, out_bases, true, arrays[2], arrays[3], *request);
    if (!status.ok()) return status;
    const Id stats = services->perf_stats ? methods.SendClass<Id>(Call::kStatsWithTime, uint64_t{0}) : nullptr;
    const Id procedure = methods.SendClass<Id>(Call::kNumberWithInt, 0);
    const Id object = methods.SendClass<Id>(Call::kRequestWith, arrays[0], arrays[1], arrays[2], arrays[3], Id{nullptr},
                                            stats, procedure);
    if (object == nullptr) return Status("ANE_EVAL_FAILED", "The Neural Engine accepted no request for the surfaces.");
    request->object = ObjectRef(framework.objc(), object);
    ++services->counters.requests;
    return request;
  }

  Result<std::shared_ptr<Request>> Bind(std::span<const void* const> in, std::span<void* const> out) {
    const uint64_t hash = HashOf(in, out);
    std::lock_guard<std::mutex> lock(services->surfaces->mutex());
    if (auto found = Find(hash, in, out)) return found;
    Result<std::shared_ptr<Request>> built = Build(in, out);
    if (built.ok()) requests.emplace(hash, built.value());
    return built;
  }

  void Transfer(const std::vector<Copy>& copies) const {
    for (const Copy& copy : copies) {
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
  auto state = std::make_shared<State>();
  state->services = services;
  state->model = std::move(model.value());
  state->listener = services->surfaces->AddListener([raw = state.get()](const void* base) { raw->Forget(base); });
  Status status = state->inputs.Prepare(executable->inputs_, *services);
  if (status.ok()) status = state->outputs.Prepare(executable->outputs_, *services);
  if (!status.ok()) return status;
  if (services->perf_stats) {
    services->framework->methods().Send<void>(Call::kSetPerfStatsMask, state->model->object(), ~uint32_t{0});
  }
  executable->state_ = std::move(state);
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
    const Result<std::shared_ptr<Request>> request = state->Bind(inputs, outputs);
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
