// _ANERequest, _ANEIOSurfaceObject and _ANEPerformanceStats: what an evaluation is called with.
#include "sim/framework.h"
#include "sim/method.h"

namespace ane::sim {
namespace {

Id WrapSurface(Id surface, Id offset) {
  Surface* found = Expect<Surface>(surface, "objectWithIOSurface:");
  Number* start = offset == nullptr ? MakeNumber(0)
                                    : Expect<Number>(offset, "objectWithIOSurface: startOffset");
  if (found == nullptr || start == nullptr) return nullptr;
  SurfaceObject* made = Create<SurfaceObject>();
  Autorelease(made);
  made->surface.Set(found);
  made->start_offset.Set(start);
  return made;
}

Id ObjectWithSurface(Class*, IoSurfaceRef surface) { return WrapSurface(surface, nullptr); }
Id ObjectWithSurfaceAt(Class*, IoSurfaceRef surface, Id offset) {
  return WrapSurface(surface, offset);
}
IoSurfaceRef SurfaceOf(SurfaceObject* self) { return self->surface.get(); }
Id StartOffset(SurfaceObject* self) { return self->start_offset.get(); }

Id StatsWithNanoseconds(Class*, uint64_t nanoseconds) {
  PerformanceStats* made = Create<PerformanceStats>();
  Autorelease(made);
  made->hardware_nanoseconds = nanoseconds;
  return made;
}
uint64_t HardwareTime(PerformanceStats* self) { return self->hardware_nanoseconds; }
Id NoData(PerformanceStats*) { return nullptr; }
uint32_t DriverMask(Class*, uint32_t mask) { return mask; }

// Surfaces and their indices pair up; both arrays belong to the request from here on.
bool CheckPairs(Id surfaces, Id indices, const char* what) {
  const Array *objects = Expect<Array>(surfaces, what), *numbers = Expect<Array>(indices, what);
  if (objects == nullptr || numbers == nullptr) return false;
  for (Id object : objects->items) {
    if (As<SurfaceObject>(object) != nullptr) continue;
    RecordError(std::string("Expected _ANEIOSurfaceObject in ") + what + ", got " +
                object->isa->name + ".");
    return false;
  }
  for (Id number : numbers->items) {
    if (Expect<Number>(number, what) == nullptr) return false;
  }
  return true;
}

Id MakeRequest(Class*, Id inputs, Id input_indices, Id outputs, Id output_indices,
               Id weights_buffer, Id stats, Id procedure) {
  const bool paired = CheckPairs(inputs, input_indices, "requestWithInputs: inputs") &&
                      CheckPairs(outputs, output_indices, "requestWithInputs: outputs");
  PerformanceStats* wanted = As<PerformanceStats>(stats);
  if (stats != nullptr && wanted == nullptr)
    RecordError("Expected _ANEPerformanceStats for perfStats:, got another object.");
  Number* index = procedure == nullptr
                      ? MakeNumber(0)
                      : Expect<Number>(procedure, "requestWithInputs: procedureIndex");
  if (!paired || (stats != nullptr && wanted == nullptr) || index == nullptr) return nullptr;
  Request* made = Create<Request>();
  Autorelease(made);
  made->inputs.Set(As<Array>(inputs));
  made->input_indices.Set(As<Array>(input_indices));
  made->outputs.Set(As<Array>(outputs));
  made->output_indices.Set(As<Array>(output_indices));
  made->weights_buffer.Set(weights_buffer);  // accepted and ignored (C-94)
  made->perf_stats.Set(wanted);
  made->procedure_index.Set(index);
  return made;
}
Id MakeRequestWithStats(Class* c, Id inputs, Id input_indices, Id outputs, Id output_indices,
                        Id stats, Id procedure) {
  return MakeRequest(c, inputs, input_indices, outputs, output_indices, nullptr, stats, procedure);
}
Id MakePlainRequest(Class* c, Id inputs, Id input_indices, Id outputs, Id output_indices,
                    Id procedure) {
  return MakeRequest(c, inputs, input_indices, outputs, output_indices, nullptr, nullptr,
                     procedure);
}

bool Validate(Request* self) {
  return self->inputs->items.size() == self->input_indices->items.size() &&
         self->outputs->items.size() == self->output_indices->items.size();
}
Id InputArray(Request* self) { return self->inputs.get(); }
Id InputIndexArray(Request* self) { return self->input_indices.get(); }
Id OutputArray(Request* self) { return self->outputs.get(); }
Id OutputIndexArray(Request* self) { return self->output_indices.get(); }
Id WeightsBuffer(Request* self) { return self->weights_buffer.get(); }
Id StatsOf(Request* self) { return self->perf_stats.get(); }
Id ProcedureIndex(Request* self) { return self->procedure_index.get(); }
uint64_t SurfacesCount(Request* self) {
  return self->inputs->items.size() + self->outputs->items.size();
}
void SetStats(Request* self, Id stats) {
  PerformanceStats* wanted = As<PerformanceStats>(stats);
  if (stats != nullptr && wanted == nullptr)
    return RecordError("Expected _ANEPerformanceStats for setPerfStats:, got another object.");
  self->perf_stats.Set(wanted);
}

}  // namespace

void RegisterRequest() {
  Class* object = Register<SurfaceObject>("_ANEIOSurfaceObject", kClass<Object>, true);
  AddClassMethod<ObjectWithSurface>(object, "objectWithIOSurface:");
  AddClassMethod<ObjectWithSurfaceAt>(object, "objectWithIOSurface:startOffset:");
  Add<SurfaceOf>(object, "ioSurface");
  Add<StartOffset>(object, "startOffset");

  Class* stats = Register<PerformanceStats>("_ANEPerformanceStats", kClass<Object>, true);
  AddClassMethod<StatsWithNanoseconds>(stats, "statsWithHardwareExecutionNS:");
  AddClassMethod<DriverMask>(stats, "driverMaskForANEFMask:");
  Add<HardwareTime>(stats, "hwExecutionTime");
  Add<NoData>(stats, "perfCounterData");
  Add<NoData>(stats, "pStatsRawData");

  Class* request = Register<Request>("_ANERequest", kClass<Object>, true);
  AddClassMethod<MakeRequest>(request,
                              "requestWithInputs:inputIndices:outputs:outputIndices:weightsBuffer:"
                              "perfStats:procedureIndex:");
  AddClassMethod<MakeRequestWithStats>(
      request, "requestWithInputs:inputIndices:outputs:outputIndices:perfStats:procedureIndex:");
  AddClassMethod<MakePlainRequest>(
      request, "requestWithInputs:inputIndices:outputs:outputIndices:procedureIndex:");
  Add<Validate>(request, "validate");
  Add<InputArray>(request, "inputArray");
  Add<InputIndexArray>(request, "inputIndexArray");
  Add<OutputArray>(request, "outputArray");
  Add<OutputIndexArray>(request, "outputIndexArray");
  Add<WeightsBuffer>(request, "weightsBuffer");
  Add<StatsOf>(request, "perfStats");
  Add<ProcedureIndex>(request, "procedureIndex");
  Add<SurfacesCount>(request, "ioSurfacesCount");
  Add<SetStats>(request, "setPerfStats:");
}

}  // namespace ane::sim
