// _ANEInMemoryModel: compile, load, evaluate, unload.
#include "sim/framework.h"
#include "sim/method.h"
#include "sim/rules.h"

namespace ane::sim {
namespace {

bool CheckOptions(Id options, Id* error) {
  if (options == nullptr || As<Dictionary>(options) != nullptr) return true;
  RecordError("Expected NSDictionary for options:, got another object.");
  return Fails(error, kDomain, int64_t(0xe00002c2), "Bad argument: options");
}

Id ModelWithDescriptor(Class*, Id given) {
  Descriptor* descriptor = As<Descriptor>(given);
  if (descriptor == nullptr) {
    RecordError(
        "Expected _ANEInMemoryModelDescriptor for inMemoryModelWithDescriptor:, got another object "
        "or nil.");
    return nullptr;
  }
  Model* made = Create<Model>();
  Autorelease(made);
  made->descriptor.Set(descriptor);
  Count([](Counters& counters) { ++counters.live_models; });
  return made;
}

bool Compile(Model* self, uint32_t, Id options, Id* error) {
  if (!CheckOptions(options, error)) return false;
  std::shared_ptr<Program> program = CompileDescriptor(*self->descriptor.get(), error);
  if (program == nullptr) return false;
  const std::lock_guard lock(self->mutex);
  if (self->state == 3)
    return Fails(error, kDomain, 8, "Expected a model that is not loaded for compile.");
  self->program = std::move(program);
  self->state = 2;
  return true;
}

bool Load(Model* self, uint32_t, Id options, Id* error) {
  if (!CheckOptions(options, error)) return false;
  const Settings settings = CurrentSettings();
  if (FaultDue(Call::kLoad))
    return Fails(error, kDomain, 8, "Program load failure (simulated: injected fault)");
  const std::lock_guard lock(self->mutex);
  if (self->state == 3) return true;
  if (self->state != 2)
    return Fails(error, kDomain, 8, "Program load failure (simulated: the model is not compiled)");
  if (!AcquireLoad(*self->program,
                   Judge(settings, "C-102") == Verdict::kRefuse ? settings.load_limit : 0)) {
    RecordFinding({"C-102", std::to_string(settings.load_limit) + " programs are loaded", true});
    return Fails(error, kDomain, 0x50004,
                 "Program load failure (0x50004) (simulated C-102: " +
                     std::to_string(settings.load_limit) + " programs are loaded)");
  }
  self->state = 3;
  Count([&](Counters& counters) {
    ++counters.loads;
    counters.load_nanoseconds += int64_t(LoadMilliseconds(ModelOf(settings.chip->name)) * 1e6);
  });
  return true;
}

bool Evaluate(Model* self, uint32_t, Id options, Id request, Id* error) {
  if (!CheckOptions(options, error)) return false;
  Request* given = As<Request>(request);
  if (given == nullptr) {
    RecordError("Expected _ANERequest for evaluateWithQoS:, got another object or nil.");
    return Fails(error, kDomain, int64_t(0xe00002c2), "Bad argument: request");
  }
  std::shared_ptr<Program> program;
  uint32_t mask = 0;
  {
    const std::lock_guard lock(self->mutex);
    if (self->state == 3) program = self->program;
    mask = self->perf_stats_mask;
  }
  if (program == nullptr)
    return Fails(error, kDomain, 8, "Program Inference error (simulated: the model is not loaded)");
  return EvaluateRequest(*program, *given, mask, error);
}

bool Unload(Model* self, uint32_t, Id* error) {
  if (FaultDue(Call::kUnload))
    return Fails(error, kDomain, 8, "Program unload failure (simulated: injected fault)");
  const std::lock_guard lock(self->mutex);
  if (self->state != 3)
    return Fails(error, kDomain, 8, "Program unload failure (simulated: the model is not loaded)");
  ReleaseLoad(*self->program);
  self->state = 2;
  Count([](Counters& counters) { ++counters.unloads; });
  return true;
}

Id HexStringIdentifier(Model* self) { return MakeString(self->descriptor->Hex()); }
Id LocalModelPath(Model* self) { return MakeString(ModelFolder(*self->descriptor.get())); }
Id DescriptorOf(Model* self) { return self->descriptor.get(); }
bool IsMilModel(Model*) { return true; }
bool CompiledModelExists(Model* self) { return CachedProgram(self->descriptor->Hex()) != nullptr; }
void PurgeCompiledModel(Model* self) { DropProgram(self->descriptor->Hex()); }
uint64_t StateOf(Model* self) {
  const std::lock_guard lock(self->mutex);
  return self->state;
}
int8_t QueueDepth(Model* self) { return self->queue_depth; }
void SetQueueDepth(Model* self, int8_t depth) { self->queue_depth = depth; }
uint32_t PerfStatsMask(Model* self) {
  const std::lock_guard lock(self->mutex);
  return self->perf_stats_mask;
}
void SetPerfStatsMask(Model* self, uint32_t mask) {
  const std::lock_guard lock(self->mutex);
  self->perf_stats_mask = mask;
}
uint64_t ProgramHandle(Model* self) {
  const std::lock_guard lock(self->mutex);
  return self->state == 3 ? reinterpret_cast<uint64_t>(self->program.get()) : 0;
}
bool MapSurfaces(Model*, Id request, bool, Id* error) {
  return As<Request>(request) != nullptr ||
         Fails(error, kDomain, int64_t(0xe00002c2), "Bad argument: request");
}
void UnmapSurfaces(Model*, Id) {}

}  // namespace

Model::~Model() {
  // A loaded model that is dropped keeps its place in the load budget, as on the hardware.
  if (state == 3) RecordError("Expected an unloaded model to release, got a loaded one.");
  Count([](Counters& counters) { --counters.live_models; });
}

void RegisterModel() {
  Class* c = Register<Model>("_ANEInMemoryModel", kClass<Object>, true);
  AddClassMethod<ModelWithDescriptor>(c, "inMemoryModelWithDescriptor:");
  Add<Compile>(c, "compileWithQoS:options:error:");
  Add<Load>(c, "loadWithQoS:options:error:");
  Add<Evaluate>(c, "evaluateWithQoS:options:request:error:");
  Add<Unload>(c, "unloadWithQoS:error:");
  Add<HexStringIdentifier>(c, "hexStringIdentifier");
  Add<LocalModelPath>(c, "localModelPath");
  Add<DescriptorOf>(c, "descriptor");
  Add<IsMilModel>(c, "isMILModel");
  Add<CompiledModelExists>(c, "compiledModelExists");
  Add<PurgeCompiledModel>(c, "purgeCompiledModel");
  Add<StateOf>(c, "state");
  Add<QueueDepth>(c, "queueDepth");
  Add<SetQueueDepth>(c, "setQueueDepth:");
  Add<PerfStatsMask>(c, "perfStatsMask");
  Add<SetPerfStatsMask>(c, "setPerfStatsMask:");
  Add<ProgramHandle>(c, "programHandle");
  Add<MapSurfaces>(c, "mapIOSurfacesWithRequest:cacheInference:error:");
  Add<UnmapSurfaces>(c, "unmapIOSurfacesWithRequest:");
  Add<ModelAttributes>(c, "modelAttributes");
}

}  // namespace ane::sim
