#include "ane/requests.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace ane {
namespace {

uint64_t HashOf(std::span<const void* const> key) {
  uint64_t hash = 1469598103934665603u;
  for (const void* base : key) hash = (hash ^ reinterpret_cast<uintptr_t>(base)) * 1099511628211u;
  return hash;
}

}  // namespace

Result<Ports> Ports::Of(const std::vector<IoDescription>& all, AneServices& services) {
  Ports ports;
  ports.order.resize(all.size());
  std::iota(ports.order.begin(), ports.order.end(), size_t{0});
  std::sort(ports.order.begin(), ports.order.end(), [&](size_t a, size_t b) { return all[a].name < all[b].name; });
  size_t largest = 0;
  for (const IoDescription& io : all) {
    size_t elements = 1;
    for (const int64_t dim : io.shape) elements *= static_cast<size_t>(dim);
    ports.bytes.push_back(elements * SizeOf(io.dtype));
    largest = std::max(largest, SurfaceAllocation(ports.bytes.back()));
  }
  ports.staging.resize(all.size());
  for (size_t i = 0; i < all.size(); ++i) {
    if (SurfaceAllocation(ports.bytes[i]) == largest) continue;
    Result<std::shared_ptr<void>> memory = services.surfaces->Allocate(*services.framework, largest);
    if (!memory.ok()) return memory.status();
    ports.staging[i] = std::move(memory.value());
  }
  return ports;
}

Requests::Requests(std::shared_ptr<AneServices> services, Ports inputs, Ports outputs)
    : services_(std::move(services)), inputs_(std::move(inputs)), outputs_(std::move(outputs)) {
  listener_ = services_->surfaces->AddListener([this](const void* base) {
    std::erase_if(requests_, [&](const auto& entry) {
      const std::vector<const void*>& key = entry.second->key;
      return std::find(key.begin(), key.end(), base) != key.end();
    });
  });
}

Requests::~Requests() { services_->surfaces->RemoveListener(listener_); }

// Adds one surface object per port to `objects`, its index to `indices`.
Status Requests::AddPorts(const Ports& ports, std::span<const void* const> bases, bool output, Id objects, Id indices,
                          Request& request) const {
  const MethodTable& methods = services_->framework->methods();
  for (size_t slot = 0; slot < ports.order.size(); ++slot) {
    const size_t i = ports.order[slot];
    void* bound = const_cast<void*>(bases[i]);
    std::shared_ptr<DeviceSurface> surface = services_->surfaces->Find(bound);
    if (surface == nullptr) return InvalidArgument("Expected surfaces of this device, got other memory.");
    if (void* staging = ports.staging[i].get()) {
      surface = services_->surfaces->Find(staging);
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
Result<std::shared_ptr<const Request>> Requests::Build(std::vector<const void*> key) const {
  const Framework& framework = *services_->framework;
  const MethodTable& methods = framework.methods();
  const AutoreleasePool pool(framework.objc());
  auto request = std::make_shared<Request>();
  request->key = std::move(key);
  const auto bases = std::span<const void* const>(request->key);
  const size_t inputs = inputs_.order.size();
  Id arrays[4];
  for (Id& array : arrays) array = methods.SendClass<Id>(Call::kArray);
  Status status = AddPorts(inputs_, bases.first(inputs), false, arrays[0], arrays[1], *request);
  if (status.ok()) status = AddPorts(outputs_, bases.subspan(inputs), true, arrays[2], arrays[3], *request);
  if (!status.ok()) return status;
  const Id stats = services_->perf_stats ? methods.SendClass<Id>(Call::kStatsWithTime, uint64_t{0}) : nullptr;
  const Id procedure = methods.SendClass<Id>(Call::kNumberWithInt, 0);
  const Id object = methods.SendClass<Id>(Call::kRequestWith, arrays[0], arrays[1], arrays[2], arrays[3], Id{nullptr},
                                          stats, procedure);
  if (object == nullptr) return Status("ANE_EVAL_FAILED", "The Neural Engine accepted no request for the surfaces.");
  request->object = ObjectRef(framework.objc(), object);
  ++services_->counters.requests;
  return std::shared_ptr<const Request>(std::move(request));
}

Result<std::shared_ptr<const Request>> Requests::Bind(std::span<const void* const> inputs,
                                                      std::span<void* const> outputs) {
  std::vector<const void*> key(inputs.begin(), inputs.end());
  key.insert(key.end(), outputs.begin(), outputs.end());
  const uint64_t hash = HashOf(key);
  std::lock_guard<std::mutex> lock(services_->surfaces->mutex());
  const auto [begin, end] = requests_.equal_range(hash);
  for (auto at = begin; at != end; ++at) {
    if (at->second->key == key) return at->second;
  }
  auto built = Build(std::move(key));
  if (built.ok()) requests_.emplace(hash, built.value());
  return built;
}

}  // namespace ane
