#include "node/arguments.h"

#include <cmath>

#include "node/errors.h"
#include "node/objects.h"

namespace ane::node {
namespace {

struct InstanceData {
  Napi::FunctionReference is_resizable;  // empty where buffers cannot be resized
};

bool IsResizable(const Napi::ArrayBuffer& buffer) {
  const auto* data = buffer.Env().GetInstanceData<InstanceData>();
  if (data->is_resizable.IsEmpty()) return false;
  const Napi::Value result = data->is_resizable.Value().Call(buffer, {});
  return result.IsBoolean() && result.As<Napi::Boolean>().Value();
}

}  // namespace

void PrepareArguments(Napi::Env env) {
  auto* data = new InstanceData();
  env.SetInstanceData(data);
  const Napi::Object global = env.Global();
  const Napi::Object prototype = global.Get("ArrayBuffer").As<Napi::Object>().Get("prototype").As<Napi::Object>();
  const Napi::Object object = global.Get("Object").As<Napi::Object>();
  const Napi::Function describe = object.Get("getOwnPropertyDescriptor").As<Napi::Function>();
  const Napi::Value descriptor = describe.Call({prototype, Napi::String::New(env, "resizable")});
  if (!descriptor.IsObject()) return;
  const Napi::Value getter = descriptor.As<Napi::Object>().Get("get");
  if (getter.IsFunction()) data->is_resizable = Napi::Persistent(getter.As<Napi::Function>());
}

ArrayReference::ArrayReference(const ArrayMemory& memory) {
  Napi::ArrayBuffer source = memory.buffer;
  buffer = Napi::Reference<Napi::ArrayBuffer>::New(source, 1);
  data = source.Data();
  bytes = source.ByteLength();
}

bool ArrayReference::intact() const {
  const Napi::ArrayBuffer current = buffer.Value();
  void* now = nullptr;
  size_t length = 0;  // none where the memory is gone
  return napi_get_arraybuffer_info(current.Env(), current, &now, &length) == napi_ok && now == data && length == bytes;
}

Result<int64_t> GetInteger(const Napi::Value& value, const std::string& name, int64_t min, int64_t max) {
  if (!value.IsNumber()) return InvalidArgument("Expected a number for " + name + ".");
  const double number = value.As<Napi::Number>().DoubleValue();
  if (!(number >= static_cast<double>(min) && number <= static_cast<double>(max)) || std::floor(number) != number) {
    return OutOfRange("Expected an integer from " + std::to_string(min) + " to " + std::to_string(max) + " for " +
                      name + ".");
  }
  return static_cast<int64_t>(number);
}

Result<std::string> GetString(const Napi::Value& value, const std::string& name) {
  if (!value.IsString()) return InvalidArgument("Expected a string for " + name + ".");
  return value.As<Napi::String>().Utf8Value();
}

Result<bool> GetBoolean(const Napi::Value& value, const std::string& name) {
  if (!value.IsBoolean()) return InvalidArgument("Expected a boolean for " + name + ".");
  return value.As<Napi::Boolean>().Value();
}

Result<Napi::Array> GetArray(const Napi::Value& value, const std::string& name) {
  if (!value.IsArray()) return InvalidArgument("Expected an array for " + name + ".");
  return value.As<Napi::Array>();
}

Result<std::vector<int64_t>> GetShape(const Napi::Value& value, const std::string& name) {
  constexpr uint32_t kMaxRank = 8;
  const Result<Napi::Array> array = GetArray(value, name);
  if (!array.ok()) return array.status();
  if (array.value().Length() > kMaxRank) return OutOfRange("Expected at most 8 dimensions for " + name + ".");
  std::vector<int64_t> shape;
  for (uint32_t i = 0; i < array.value().Length(); ++i) {
    const Napi::Value item = array.value().Get(i);
    const Result<int64_t> dim = GetInteger(item, name, 1, Surface::kMaxBytes);
    if (!dim.ok()) return dim.status();
    shape.push_back(dim.value());
  }
  return shape;
}

Result<std::vector<std::shared_ptr<Surface>>> GetSurfaces(const Napi::Value& value, const std::string& name) {
  const Result<Napi::Array> array = GetArray(value, name);
  if (!array.ok()) return array.status();
  std::vector<std::shared_ptr<Surface>> surfaces;
  for (uint32_t i = 0; i < array.value().Length(); ++i) {
    const Napi::Value item = array.value().Get(i);
    Result<std::shared_ptr<Surface>> surface = GetHandle<Surface>(item, name);
    if (!surface.ok()) return surface.status();
    surfaces.push_back(std::move(surface.value()));
  }
  return surfaces;
}

Result<ArrayMemory> GetTypedArray(const Napi::Value& value, const std::string& name) {
  if (!value.IsTypedArray()) return InvalidArgument("Expected a typed array for " + name + ".");
  const Napi::Env env = value.Env();
  ArrayMemory memory{};
  size_t length = 0;
  size_t offset = 0;
  napi_value buffer = nullptr;
  if (napi_get_typedarray_info(env, value, &memory.type, &length, &memory.data, &buffer, &offset) != napi_ok) {
    return InvalidArgument("Expected a typed array for " + name + ".");
  }
  bool plain = false;  // false for a SharedArrayBuffer
  if (napi_is_arraybuffer(env, buffer, &plain) != napi_ok || !plain) {
    return InvalidArgument("Expected an array over an ArrayBuffer for " + name + ", got one over shared memory.");
  }
  bool detached = false;
  memory.buffer = Napi::ArrayBuffer(env, buffer);
  if (napi_is_detached_arraybuffer(env, buffer, &detached) != napi_ok || detached) {
    return InvalidArgument("Expected an array with memory for " + name + ", got a detached one.");
  }
  if (IsResizable(memory.buffer)) {
    return InvalidArgument("Expected an array of fixed length for " + name + ", got one over a resizable buffer.");
  }
  memory.bytes = length * Napi::TypedArray(env, value).ElementSize();
  return memory;
}

}  // namespace ane::node
