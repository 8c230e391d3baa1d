// Native objects as seen from JavaScript: plain objects without methods, recognised by a type tag.
//
// There are no classes on this side, so no method can be called on the wrong receiver; packages/runtime wraps the
// handles in classes.
#pragma once

#include <napi.h>

#include <memory>
#include <string>
#include <utility>

#include "base/status.h"
#include "node/errors.h"

namespace ane::node {

// Specialised per wrapped type: `kTag` (random, never reused), `kArticle` and `kName` for messages.
template <typename T>
struct HandleType;

template <typename T>
Result<Napi::Object> MakeHandle(Napi::Env env, std::shared_ptr<T> value) {
  Napi::Object object = Napi::Object::New(env);
  auto* holder = new std::shared_ptr<T>(std::move(value));
  const auto finalize = [](napi_env, void* data, void*) { delete static_cast<std::shared_ptr<T>*>(data); };
  if (napi_wrap(env, object, holder, finalize, nullptr, nullptr) != napi_ok) {
    delete holder;
    return Status("ANE_INTERNAL", "Node refused to wrap an object.");
  }
  if (napi_type_tag_object(env, object, &HandleType<T>::kTag) != napi_ok) {
    return Status("ANE_INTERNAL", "Node refused to tag an object.");
  }
  return object;
}

// The holder inside a handle; its pointer is empty once the object was disposed.
template <typename T>
Result<std::shared_ptr<T>*> GetHolder(const Napi::Value& value, const std::string& name) {
  const auto mismatch = [&] {
    return InvalidArgument(std::string("Expected ") + HandleType<T>::kArticle + HandleType<T>::kName + " for " + name +
                           ".");
  };
  if (value.IsEmpty() || !value.IsObject()) return mismatch();
  bool tagged = false;
  if (napi_check_object_type_tag(value.Env(), value, &HandleType<T>::kTag, &tagged) != napi_ok || !tagged) {
    return mismatch();
  }
  void* holder = nullptr;
  if (napi_unwrap(value.Env(), value, &holder) != napi_ok || holder == nullptr) return mismatch();
  return static_cast<std::shared_ptr<T>*>(holder);
}

template <typename T>
Result<std::shared_ptr<T>> GetHandle(const Napi::Value& value, const std::string& name) {
  const Result<std::shared_ptr<T>*> holder = GetHolder<T>(value, name);
  if (!holder.ok()) return holder.status();
  if (*holder.value() == nullptr) {
    return InvalidArgument(std::string("Expected a live ") + HandleType<T>::kName + " for " + name +
                           ", got a disposed one.");
  }
  return *holder.value();
}

// Exported function: marks the object disposed and lets go of it, so that its memory is free once nothing uses it.
template <typename T>
Result<Napi::Value> DisposeHandle(const Napi::CallbackInfo& info) {
  const Result<std::shared_ptr<T>*> holder = GetHolder<T>(info[0], HandleType<T>::kName);
  if (!holder.ok()) return holder.status();
  if (*holder.value() != nullptr) {
    (*holder.value())->Dispose();
    holder.value()->reset();
  }
  return info.Env().Undefined();
}

}  // namespace ane::node
