// The addon's entry: everything JavaScript sees is listed here by file.
#include <napi.h>

#include "node/objects.h"

namespace {

// Raised when a function below changes its arguments or meaning, so that a stale build is recognised.
constexpr int kInterfaceVersion = 7;

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  ane::node::PrepareArguments(env);
  exports.Set("interfaceVersion", kInterfaceVersion);
  ane::node::ExportSurfaces(env, exports);
  ane::node::ExportProcessor(env, exports);
  ane::node::ExportDevices(env, exports);
  ane::node::ExportAneDevices(env, exports);
  ane::node::ExportPrograms(env, exports);
  ane::node::ExportSchedules(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(ane, Init)
