// _ANEInMemoryModel: compile, load, evaluate, unload.
#include <sys/stat.h>

#include <cstdio>
#include <optional>

#include "sim/framework.h"
#include "sim/method.h"
#include "sim/rules.h"

namespace ane::sim {
namespace {

constexpr char kModelPath[] = "@model_path/";

bool CompileFails(Id* error, const CompileFailure& failure) {
  RecordFinding({failure.rule, failure.message, true});
  const std::string rule = failure.rule.empty() ? "" : " " + failure.rule;
  return Fails(error, kCompilerDomain, 1,
               "_ANECompiler : ANECCompile() FAILED : " + failure.kind + " (simulated" + rule +
                   ": " + failure.message + ")");
}

bool IsFile(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

std::optional<std::vector<uint8_t>> ReadFile(const std::string& path) {
  if (!IsFile(path)) return std::nullopt;
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return std::nullopt;
  std::vector<uint8_t> bytes;
  struct stat status;
  if (fstat(fileno(file), &status) == 0) bytes.resize(size_t(status.st_size));
  const bool complete =
      bytes.empty() || std::fread(bytes.data(), 1, bytes.size(), file) == bytes.size();
  std::fclose(file);
  if (!complete) return std::nullopt;
  return bytes;
}

// The files the compiler reads (C-03). What they hold at this moment is baked into the program
// (C-93).
bool ReadWeights(const Descriptor& descriptor, WeightFiles* weights, CompileFailure* failure) {
  const std::string folder = ModelFolder(descriptor) + "/";
  const auto missing = [&](const std::string& path, const char* rule) {
    *failure = {"InvalidMILProgram", rule, "Expected the file " + path + ", got none."};
    return false;
  };
  if (!IsFile(folder + "model.mil")) return missing(folder + "model.mil", "C-03");
  for (const std::string& path : WeightPaths(descriptor.text->view())) {
    if (!descriptor.weights->items.contains(path)) {
      *failure = {"InvalidMILProgram", "",
                  "Expected weights named " + path + " in the dictionary, got none."};
      return false;
    }
    if (path.rfind(kModelPath, 0) != 0 || path.find("..") != std::string::npos) {
      *failure = {"InvalidMILProgram", "", "Expected a path below @model_path, got " + path + "."};
      return false;
    }
    const std::string file = folder + path.substr(sizeof kModelPath - 1);
    std::optional<std::vector<uint8_t>> bytes = ReadFile(file);
    if (!bytes) return missing(file, "C-03");
    (*weights)[path] = std::move(*bytes);
  }
  return true;
}

bool CheckOptions(Id options, Id* error) {
  if (options == nullptr || As<Dictionary>(options) != nullptr) return true;
  RecordError("Expected NSDictionary for options:, got another object.");
  return Fails(error, kDomain, int64_t(0xe00002c2), "Bad argument: options");
}

void CountCompile(const Program* program, bool cached, bool failed, const Settings& settings) {
  Cost cost;
  for (size_t i = 0; program != nullptr && i < program->procedures.size(); ++i) {
    cost.operations += program->procedures[i]->cost.operations;
    cost.weight_bytes += program->procedures[i]->cost.weight_bytes;
  }
  double ms = CompileMilliseconds(ModelOf(settings.chip->name), cost, cached);
  if (failed && settings.chip->family == 2) ms += 15000;  // C-107: the compiler backs off
  Count([&](Counters& counters) {
    cached ? ++counters.cache_hits : ++counters.compiles;
    counters.compile_nanoseconds += int64_t(ms * 1e6);
  });
}

std::shared_ptr<Program> Compiled(const Descriptor& descriptor, Id* error) {
  const Settings settings = CurrentSettings();
  CompileFailure failure{"CompilationFailure", "", "injected fault"};
  const auto fail = [&] {
    CompileFails(error, failure);
    return nullptr;
  };
  if (FaultDue(Call::kCompile)) return fail();
  WeightFiles weights;
  if (!ReadWeights(descriptor, &weights, &failure)) return fail();
  if (!AcquireEngine(settings)) {
    failure = {"CompilationFailure", "C-105", "another process holds the Neural Engine"};
    return fail();
  }
  const std::string hex = descriptor.Hex();
  if (auto cached = CachedProgram(hex)) {
    CountCompile(cached.get(), true, false, settings);
    return cached;
  }
  if (settings.compile_limit > 0 && CurrentCounters().compiles >= settings.compile_limit &&
      Judge(settings, "C-100") == Verdict::kRefuse) {
    failure = {"CompilationFailure", "C-100",
               "this process has compiled " + std::to_string(settings.compile_limit) + " programs"};
    return fail();
  }
  std::shared_ptr<Program> program =
      CompileProgram(descriptor.text->view(), weights, settings, &failure);
  CountCompile(program.get(), false, program == nullptr, settings);
  if (program == nullptr) return fail();
  program->hex = hex;
  KeepProgram(program);
  return program;
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
  std::shared_ptr<Program> program = Compiled(*self->descriptor.get(), error);
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

Dictionary* LiveIo(const Symbol& symbol, const char* suffix) {
  const engine::Shape& shape = symbol.shape;
  const auto dim = [&](size_t from_end) {
    return shape.size() >= from_end ? shape[shape.size() - from_end] : 1;
  };
  const int64_t width = dim(1), height = dim(2), channels = dim(3);
  const int64_t row =
      (width * int64_t(SizeOf(symbol.dtype)) + 63) / 64 * 64;  // rows are padded to 64 bytes
  Dictionary* entry = MakeDictionary();
  Put(entry, "Name", MakeString(symbol.name + suffix));
  Put(entry, "Type", MakeString(symbol.dtype == Dtype::kFp32 ? "Float32" : "Float16"));
  const std::pair<const char*, int64_t> numbers[] = {{"Width", width},
                                                     {"Height", height},
                                                     {"Channels", channels},
                                                     {"RowStride", row},
                                                     {"PlaneStride", row * height},
                                                     {"BatchStride", row * height * channels},
                                                     {"Interleave", 1}};
  for (const auto& [name, value] : numbers) Put(entry, name, MakeNumber(value));
  return entry;
}

Id ModelAttributes(Model* self) {
  std::shared_ptr<Program> program;
  {
    const std::lock_guard lock(self->mutex);
    program = self->program;
  }
  if (program == nullptr) return nullptr;
  const Procedure& procedure = *program->procedures[0];
  Array *inputs = MakeArray(), *outputs = MakeArray(), *live_inputs = MakeArray(),
        *live_outputs = MakeArray();
  for (const Symbol& symbol : procedure.inputs) {
    Append(inputs, MakeString(symbol.name));
    Append(live_inputs, LiveIo(symbol, ""));
  }
  for (const Symbol& symbol : procedure.outputs) {
    Append(outputs, MakeString(symbol.name + "@output"));
    Append(live_outputs, LiveIo(symbol, "@output"));
  }
  Dictionary *attributes = MakeDictionary(), *description = MakeDictionary(),
             *status = MakeDictionary();
  Put(description, "kANEFModelInputSymbolsArrayKey", inputs);
  Put(description, "kANEFModelOutputSymbolsArrayKey", outputs);
  Put(status, "LiveInputList", live_inputs);
  Put(status, "LiveOutputList", live_outputs);
  Array* statuses = MakeArray();
  Append(statuses, status);
  Put(attributes, "ANEFModelDescription", description);
  Put(attributes, "NetworkStatusList", statuses);
  return attributes;
}

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
