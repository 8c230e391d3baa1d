// The wrapped types and the functions the addon exports, by file.
#pragma once

#include <napi.h>

#include <memory>
#include <vector>

#include "node/arguments.h"
#include "node/handle.h"
#include "schedule/device.h"
#include "schedule/schedule.h"
#include "schedule/surface.h"

namespace ane::node {

// A schedule with the arrays it points into, which are checked before every execution.
struct JsSchedule {
  Schedule schedule;
  std::vector<ArrayReference> arrays;
};

template <>
struct HandleType<Surface> {
  static constexpr napi_type_tag kTag = {0x6f1c2a9d54e84b13, 0x8a7be3305d1f49c2};
  static constexpr const char* kArticle = "a ";
  static constexpr const char* kName = "surface";
};
template <>
struct HandleType<Device> {
  static constexpr napi_type_tag kTag = {0x1d84f0b7c39a4e62, 0x9c05a1e87f2b46d3};
  static constexpr const char* kArticle = "a ";
  static constexpr const char* kName = "device";
};
template <>
struct HandleType<Program> {
  static constexpr napi_type_tag kTag = {0xb35e6c0182d74fa9, 0xa4d91f7c60b2483e};
  static constexpr const char* kArticle = "an ";
  static constexpr const char* kName = "executable";
};
template <>
struct HandleType<JsSchedule> {
  static constexpr napi_type_tag kTag = {0x42a7d95be16f4c08, 0xb8e36c1d7402459f};
  static constexpr const char* kArticle = "a ";
  static constexpr const char* kName = "schedule";
};

void ExportProcessor(Napi::Env env, Napi::Object exports);   // processor.cc
void ExportSurfaces(Napi::Env env, Napi::Object exports);    // surface.cc
void ExportDevices(Napi::Env env, Napi::Object exports);     // device.cc
void ExportAneDevices(Napi::Env env, Napi::Object exports);  // ane_device.cc
void ExportPrograms(Napi::Env env, Napi::Object exports);    // program.cc
void ExportSchedules(Napi::Env env, Napi::Object exports);   // schedule.cc

template <Function function>
void Export(Napi::Env env, Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<Call<function>>(env, name));
}

}  // namespace ane::node
