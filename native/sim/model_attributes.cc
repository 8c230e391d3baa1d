// What a compiled model tells about its inputs and outputs.
#include "sim/framework.h"

namespace ane::sim {
namespace {

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

}  // namespace

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

}  // namespace ane::sim
