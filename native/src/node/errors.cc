#include "node/errors.h"

namespace ane::node {

Napi::Value ErrorValue(Napi::Env env, const Status& status) {
  Napi::Object error;
  if (status.code() == "INVALID_ARGUMENT") {
    error = Napi::TypeError::New(env, status.message()).Value();
  } else if (status.code() == "OUT_OF_RANGE") {
    error = Napi::RangeError::New(env, status.message()).Value();
  } else {
    error = Napi::Error::New(env, status.message()).Value();
  }
  error.Set("code", status.code());
  return error;
}

}  // namespace ane::node
