// How failures reach JavaScript: `code` is the status code, the class follows from it.
#pragma once

#include <napi.h>

#include <exception>
#include <new>
#include <string>

#include "base/status.h"

namespace ane::node {

inline Status OutOfRange(std::string message) { return {"OUT_OF_RANGE", std::move(message)}; }

// A JavaScript exception is already on its way; carries nothing else.
inline Status PendingException() { return {"PENDING_EXCEPTION", ""}; }

// A TypeError for INVALID_ARGUMENT, a RangeError for OUT_OF_RANGE, an Error otherwise; each with `code`.
Napi::Value ErrorValue(Napi::Env env, const Status& status);

using Function = Result<Napi::Value> (*)(const Napi::CallbackInfo&);

// The callback of an exported function: turns a failed status and any C++ exception into a JavaScript error.
template <Function function>
Napi::Value Call(const Napi::CallbackInfo& info) {
  Status failure;
  try {
    Result<Napi::Value> result = function(info);
    if (result.ok()) return result.value();
    failure = result.status();
  } catch (const std::bad_alloc&) {
    failure = Status("OUT_OF_MEMORY", "Not enough memory.");
  } catch (const std::exception& error) {
    failure = Status("ANE_INTERNAL", error.what());
  }
  if (!info.Env().IsExceptionPending()) napi_throw(info.Env(), ErrorValue(info.Env(), failure));
  return info.Env().Undefined();
}

}  // namespace ane::node
