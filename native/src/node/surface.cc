// surfaceCreate, surfaceVersion, surfaceTouch, surfaceDispose, toFp16, fromFp16.
#include "schedule/surface.h"

#include <array>
#include <string>

#include "kernels/vec.h"
#include "node/arguments.h"
#include "node/objects.h"

namespace ane::node {
namespace {

Result<Dtype> GetSurfaceDtype(const Napi::Value& value) {
  const Result<std::string> name = GetString(value, "dtype");
  if (!name.ok()) return name.status();
  constexpr std::array kTypes = {Dtype::kFp16, Dtype::kFp32,   Dtype::kInt8,  Dtype::kUint8,
                                 Dtype::kInt16, Dtype::kUint16, Dtype::kInt32, Dtype::kBool};
  for (const Dtype dtype : kTypes) {
    if (name.value() == SurfaceDtypeName(dtype)) return dtype;
  }
  return InvalidArgument("Expected a surface type for dtype, got " + name.value() + ".");
}

// (shape, dtype, device?) → handle with `bytes`, a Uint8Array over the surface's own memory. Without a device the memory
// is ordinary.
Result<Napi::Value> SurfaceCreate(const Napi::CallbackInfo& info) {
  const Result<std::vector<int64_t>> shape = GetShape(info[0], "shape");
  if (!shape.ok()) return shape.status();
  const Result<Dtype> dtype = GetSurfaceDtype(info[1]);
  if (!dtype.ok()) return dtype.status();
  SurfaceAllocator allocate = AllocateMemory;
  if (!info[2].IsUndefined()) {
    const auto device = GetHandle<Device>(info[2], "device");
    if (!device.ok()) return device.status();
    if (device.value()->disposed()) return InvalidArgument("Expected a live device, got a disposed one.");
    allocate = [device = device.value()](size_t bytes) { return device->AllocateSurface(bytes); };
  }
  const Result<std::shared_ptr<Surface>> surface = Surface::Create(shape.value(), dtype.value(), allocate);
  if (!surface.ok()) return surface.status();

  // The ArrayBuffer holds the memory itself, so a view kept by JavaScript outlives the surface safely.
  auto* memory = new std::shared_ptr<void>(surface.value()->memory());
  const Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(
      info.Env(), memory->get(), surface.value()->bytes(),
      [](Napi::Env, void*, std::shared_ptr<void>* held) { delete held; }, memory);
  if (info.Env().IsExceptionPending()) return PendingException();
  Result<Napi::Object> handle = MakeHandle(info.Env(), surface.value());
  if (!handle.ok()) return handle.status();
  handle.value().Set("bytes", Napi::Uint8Array::New(info.Env(), surface.value()->bytes(), buffer, 0));
  return Napi::Value(handle.value());
}

Result<Napi::Value> SurfaceVersion(const Napi::CallbackInfo& info) {
  const auto surface = GetHandle<Surface>(info[0], "surface");
  if (!surface.ok()) return surface.status();
  return Napi::Value(Napi::Number::New(info.Env(), static_cast<double>(surface.value()->version())));
}

Result<Napi::Value> SurfaceTouch(const Napi::CallbackInfo& info) {
  const auto surface = GetHandle<Surface>(info[0], "surface");
  if (!surface.ok()) return surface.status();
  surface.value()->Touch();
  return info.Env().Undefined();
}

// Detaches `bytes` as well: its ArrayBuffer would hold the memory until the next garbage collection.
Result<Napi::Value> SurfaceDispose(const Napi::CallbackInfo& info) {
  const Result<Napi::Value> result = DisposeHandle<Surface>(info);
  if (!result.ok()) return result;
  const Napi::Value bytes = info[0].As<Napi::Object>().Get("bytes");
  if (bytes.IsTypedArray()) {
    const Napi::ArrayBuffer buffer = bytes.As<Napi::TypedArray>().ArrayBuffer();
    napi_detach_arraybuffer(info.Env(), buffer);
  }
  return result;
}

// Both arrays of one conversion: the fp16 bits in a Uint16Array and a Float32Array of the same length.
struct Fp16Pair {
  uint16_t* half;
  float* single;
  int64_t elements;
};

Result<Fp16Pair> GetFp16Pair(const Napi::Value& half_value, const Napi::Value& single_value) {
  const Result<ArrayMemory> half = GetTypedArray(half_value, "fp16 array");
  if (!half.ok()) return half.status();
  const Result<ArrayMemory> single = GetTypedArray(single_value, "fp32 array");
  if (!single.ok()) return single.status();
  if (half.value().type != napi_uint16_array || single.value().type != napi_float32_array ||
      half.value().bytes * 2 != single.value().bytes) {
    return InvalidArgument("Expected a Uint16Array and a Float32Array of the same length.");
  }
  return Fp16Pair{static_cast<uint16_t*>(half.value().data), static_cast<float*>(single.value().data),
                  static_cast<int64_t>(half.value().bytes / 2)};
}

// (out Uint16Array, in Float32Array): rounds to nearest even.
Result<Napi::Value> ToFp16(const Napi::CallbackInfo& info) {
  const Result<Fp16Pair> pair = GetFp16Pair(info[0], info[1]);
  if (!pair.ok()) return pair.status();
  Vec().fp32_to_fp16(pair.value().half, pair.value().single, pair.value().elements);
  return info.Env().Undefined();
}

// (out Float32Array, in Uint16Array): exact.
Result<Napi::Value> FromFp16(const Napi::CallbackInfo& info) {
  const Result<Fp16Pair> pair = GetFp16Pair(info[1], info[0]);
  if (!pair.ok()) return pair.status();
  Vec().fp16_to_fp32(pair.value().single, pair.value().half, pair.value().elements);
  return info.Env().Undefined();
}

}  // namespace

void ExportSurfaces(Napi::Env env, Napi::Object exports) {
  Export<SurfaceCreate>(env, exports, "surfaceCreate");
  Export<SurfaceVersion>(env, exports, "surfaceVersion");
  Export<SurfaceTouch>(env, exports, "surfaceTouch");
  Export<SurfaceDispose>(env, exports, "surfaceDispose");
  Export<ToFp16>(env, exports, "toFp16");
  Export<FromFp16>(env, exports, "fromFp16");
}

}  // namespace ane::node
