// Work off the JavaScript thread that settles a promise.
#pragma once

#include <napi.h>

#include <exception>
#include <new>
#include <utility>

#include "base/status.h"
#include "node/errors.h"

namespace ane::node {

// Subclasses hold references to every JavaScript object whose memory they use; node-addon-api deletes the worker on the
// JavaScript thread after the promise is settled.
class PromiseWorker : public Napi::AsyncWorker {
 public:
  explicit PromiseWorker(Napi::Env env) : Napi::AsyncWorker(env), deferred_(Napi::Promise::Deferred::New(env)) {}

  // Queues the worker, which then owns itself.
  static Napi::Value Start(PromiseWorker* worker) {
    const Napi::Promise promise = worker->deferred_.Promise();
    worker->Queue();
    return promise;
  }

 protected:
  virtual Status Perform() = 0;                                // on a worker thread
  virtual Result<Napi::Value> Resolution(Napi::Env env) = 0;  // on the JavaScript thread, after a success

  void Execute() final {
    try {
      status_ = Perform();
    } catch (const std::bad_alloc&) {
      status_ = Status("OUT_OF_MEMORY", "Not enough memory.");
    } catch (const std::exception& error) {
      status_ = Status("ANE_INTERNAL", error.what());
    }
  }

  void OnOK() final {
    const Napi::HandleScope scope(Env());
    if (!CanRunJavaScript()) return;
    if (!status_.ok()) return deferred_.Reject(ErrorValue(Env(), status_));
    const Result<Napi::Value> value = Resolution(Env());
    if (value.ok()) {
      deferred_.Resolve(value.value());
    } else {
      deferred_.Reject(ErrorValue(Env(), value.status()));
    }
  }

 private:
  // False while a terminated worker's environment is torn down: nobody awaits the promise, and node-addon-api ends the
  // process when a call into JavaScript is refused.
  bool CanRunJavaScript() const {
    napi_value global = nullptr;
    bool found = false;
    return napi_get_global(Env(), &global) == napi_ok &&
           napi_has_named_property(Env(), global, "Promise", &found) == napi_ok;
  }

  Napi::Promise::Deferred deferred_;
  Status status_;
};

}  // namespace ane::node
