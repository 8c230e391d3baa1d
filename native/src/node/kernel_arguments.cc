#include "node/kernel_arguments.h"

#include "node/objects.h"

namespace ane::node {
namespace {

constexpr int64_t kMaxIndex = int64_t{1} << 53;  // integers a JavaScript number holds exactly

Result<Dtype> DtypeOf(napi_typedarray_type type, const std::string& name) {
  switch (type) {
    case napi_float32_array: return Dtype::kFp32;
    case napi_float64_array: return Dtype::kFp64;
    case napi_int32_array: return Dtype::kInt32;
    case napi_uint16_array: return Dtype::kFp16;  // bits of half-precision numbers
    default:
      return InvalidArgument("Expected a Float32Array, Float64Array, Int32Array or Uint16Array for " + name + ".");
  }
}

// {of, rows, cols, offset, rowStride, colStride}
Result<TensorView> ReadView(const Napi::Value& value, const std::string& name, KernelArguments& operands) {
  if (!value.IsObject()) return InvalidArgument("Expected a view for " + name + ".");
  const Napi::Object view = value.As<Napi::Object>();
  int64_t numbers[5];
  constexpr const char* kFields[] = {"rows", "cols", "offset", "rowStride", "colStride"};
  for (int i = 0; i < 5; ++i) {
    const Napi::Value field = view.Get(kFields[i]);
    const Result<int64_t> number = GetInteger(field, name + "." + kFields[i], 0, kMaxIndex);
    if (!number.ok()) return number.status();
    numbers[i] = number.value();
  }
  const Napi::Value of = view.Get("of");
  Region region;
  Dtype dtype;
  if (of.IsTypedArray()) {
    const Result<ArrayMemory> memory = GetTypedArray(of, name);
    if (!memory.ok()) return memory.status();
    const Result<Dtype> type = DtypeOf(memory.value().type, name);
    if (!type.ok()) return type.status();
    dtype = type.value();
    region = {memory.value().data, memory.value().bytes};
    operands.arrays.emplace_back(memory.value());
  } else {
    const auto surface = GetHandle<Surface>(of, name);
    if (!surface.ok()) return surface.status();
    dtype = surface.value()->dtype();
    region = {surface.value()->data(), surface.value()->bytes()};
    operands.surfaces.push_back(surface.value());
  }
  Result<TensorView> result = MakeView(region, dtype, numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]);
  if (!result.ok()) return OutOfRange(name + ": " + result.status().message());
  return result;
}

}  // namespace

Result<KernelArguments> ReadKernelArguments(const Napi::Value& value) {
  const Result<Napi::Array> pairs = GetArray(value, "operands");
  if (!pairs.ok()) return pairs.status();
  KernelArguments operands;
  for (uint32_t i = 0; i < pairs.value().Length(); ++i) {
    const Napi::Value item = pairs.value().Get(i);
    const Result<Napi::Array> pair = GetArray(item, "operands");
    if (!pair.ok()) return pair.status();
    const Napi::Value name_value = pair.value().Get(0u);
    const Result<std::string> name = GetString(name_value, "operand name");
    if (!name.ok()) return name.status();
    const Napi::Value operand = pair.value().Get(1u);
    if (operand.IsNumber()) {
      operands.values.numbers[name.value()] = operand.As<Napi::Number>().DoubleValue();
      continue;
    }
    const Result<Napi::Array> views = GetArray(operand, name.value());
    if (!views.ok()) return views.status();
    std::vector<TensorView>& list = operands.values.views[name.value()];
    for (uint32_t v = 0; v < views.value().Length(); ++v) {
      const Napi::Value view_value = views.value().Get(v);
      const Result<TensorView> view = ReadView(view_value, name.value(), operands);
      if (!view.ok()) return view.status();
      list.push_back(view.value());
    }
  }
  return operands;
}

}  // namespace ane::node
