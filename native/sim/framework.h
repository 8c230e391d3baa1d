// The private framework's classes.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "sim/foundation.h"
#include "sim/program.h"
#include "sim/surface.h"

namespace ane::sim {

inline constexpr char kDomain[] = "com.apple.appleneuralengine";
inline constexpr char kCompilerDomain[] = "com.apple.appleneuralengine.compiler";

// _ANEInMemoryModelDescriptor
struct Descriptor : Object {
  Ref<Data> text;
  Ref<Data> options;
  Ref<Dictionary> weights;
  std::string text_hash, options_hash, weights_hash;
  std::string Hex() const { return text_hash + "_" + options_hash + "_" + weights_hash; }
};

// _ANEInMemoryModel
struct Model : Object {
  Ref<Descriptor> descriptor;
  std::shared_ptr<Program> program;  // set by compile
  uint64_t state = 1;                // 1 created, 2 compiled, 3 loaded
  uint32_t perf_stats_mask = 0;
  int8_t queue_depth = 127;
  std::mutex mutex;  // guards the four above
  ~Model();
};

// _ANEIOSurfaceObject
struct SurfaceObject : Object {
  Ref<Surface> surface;
  Ref<Number> start_offset;
};

// _ANEPerformanceStats
struct PerformanceStats : Object {
  uint64_t hardware_nanoseconds = 0;
};

// _ANERequest
struct Request : Object {
  Ref<Array> inputs, input_indices, outputs, output_indices;
  Ref<Object> weights_buffer;
  Ref<PerformanceStats> perf_stats;
  Ref<Number> procedure_index;
};

// _ANEDeviceInfo has class methods only.
struct DeviceInfo : Object {};

void RegisterDescriptor();
void RegisterModel();
void RegisterRequest();
void RegisterDeviceInfo();

// Where a descriptor's files lie: the temporary folder and its identifier.
std::string ModelFolder(const Descriptor& descriptor);

// Compiles, or finds in the cache, what a descriptor and the files in its folder say. nullptr with
// `error` filled.
std::shared_ptr<Program> CompileDescriptor(const Descriptor& descriptor, Id* error);

// ANEFModelDescription and NetworkStatusList as -modelAttributes gives them, or nil before compile.
Id ModelAttributes(Model* self);

// Programs that are compiled or loaded, shared by all models with the same content.
std::shared_ptr<Program> CachedProgram(const std::string& hex);
void KeepProgram(std::shared_ptr<Program> program);
void DropProgram(const std::string& hex);
// False at the limit of loaded programs; one that is loaded already costs nothing.
bool AcquireLoad(Program& program, int64_t limit);
void ReleaseLoad(Program& program);
// False when another process uses the simulated engine of the same state folder (C-105).
bool AcquireEngine(const Settings& settings);

// Checks the surfaces of a request and runs it.
bool EvaluateRequest(Program& program, Request& request, uint32_t perf_stats_mask, Id* error);

}  // namespace ane::sim
