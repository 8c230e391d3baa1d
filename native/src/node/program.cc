// programDescribe, programRun, programRunSync, programDispose.
#include <utility>
#include <vector>

#include "node/arguments.h"
#include "node/objects.h"
#include "node/promise_worker.h"

namespace ane::node {
namespace {

Result<Napi::Value> DescribeAll(Napi::Env env, const std::vector<IoDescription>& all) {
  Napi::Array list = Napi::Array::New(env, all.size());
  for (uint32_t i = 0; i < all.size(); ++i) {
    const char* dtype = SurfaceDtypeName(all[i].dtype);
    if (dtype == nullptr) {
      return Status("ANE_COMPILE_FAILED", "Expected a type a surface can hold for " + all[i].name + ".");
    }
    Napi::Array shape = Napi::Array::New(env, all[i].shape.size());
    for (uint32_t d = 0; d < all[i].shape.size(); ++d) shape.Set(d, static_cast<double>(all[i].shape[d]));
    Napi::Object io = Napi::Object::New(env);
    io.Set("name", all[i].name);
    io.Set("shape", shape);
    io.Set("dtype", dtype);
    list.Set(i, io);
  }
  return Napi::Value(list);
}

// (program) → { inputs, outputs, flops }.
Result<Napi::Value> ProgramDescribe(const Napi::CallbackInfo& info) {
  const auto program = GetHandle<Program>(info[0], "executable");
  if (!program.ok()) return program.status();
  const Executable& executable = program.value()->executable();
  const Result<Napi::Value> inputs = DescribeAll(info.Env(), executable.inputs());
  if (!inputs.ok()) return inputs.status();
  const Result<Napi::Value> outputs = DescribeAll(info.Env(), executable.outputs());
  if (!outputs.ok()) return outputs.status();
  Napi::Object description = Napi::Object::New(info.Env());
  description.Set("inputs", inputs.value());
  description.Set("outputs", outputs.value());
  description.Set("flops", static_cast<double>(executable.flops()));
  return Napi::Value(description);
}

// A program with surfaces that fit it.
struct BoundCall {
  std::shared_ptr<Program> program;
  std::vector<std::shared_ptr<Surface>> inputs;
  std::vector<std::shared_ptr<Surface>> outputs;
};

// (program, inputs, outputs): surfaces in the declared order.
Result<BoundCall> GetCall(const Napi::CallbackInfo& info) {
  auto program = GetHandle<Program>(info[0], "executable");
  if (!program.ok()) return program.status();
  auto inputs = GetSurfaces(info[1], "inputs");
  if (!inputs.ok()) return inputs.status();
  auto outputs = GetSurfaces(info[2], "outputs");
  if (!outputs.ok()) return outputs.status();
  Status status = program.value()->CheckBindings(inputs.value(), outputs.value());
  if (!status.ok()) return status;
  return BoundCall{std::move(program.value()), std::move(inputs.value()), std::move(outputs.value())};
}

class RunWorker : public PromiseWorker {
 public:
  RunWorker(Napi::Env env, BoundCall call) : PromiseWorker(env), call_(std::move(call)) {}

 protected:
  Status Perform() override {
    const Result<double> milliseconds = RunOnce(*call_.program, call_.inputs, call_.outputs);
    if (!milliseconds.ok()) return milliseconds.status();
    milliseconds_ = milliseconds.value();
    return {};
  }

  Result<Napi::Value> Resolution(Napi::Env env) override { return Napi::Value(Napi::Number::New(env, milliseconds_)); }

 private:
  BoundCall call_;
  double milliseconds_ = 0;
};

Result<Napi::Value> ProgramRun(const Napi::CallbackInfo& info) {
  Result<BoundCall> call = GetCall(info);
  if (!call.ok()) return call.status();
  return PromiseWorker::Start(new RunWorker(info.Env(), std::move(call.value())));
}

Result<Napi::Value> ProgramRunSync(const Napi::CallbackInfo& info) {
  const Result<BoundCall> call = GetCall(info);
  if (!call.ok()) return call.status();
  const Result<double> milliseconds = RunOnce(*call.value().program, call.value().inputs, call.value().outputs);
  if (!milliseconds.ok()) return milliseconds.status();
  return Napi::Value(Napi::Number::New(info.Env(), milliseconds.value()));
}

}  // namespace

void ExportPrograms(Napi::Env env, Napi::Object exports) {
  Export<ProgramDescribe>(env, exports, "programDescribe");
  Export<ProgramRun>(env, exports, "programRun");
  Export<ProgramRunSync>(env, exports, "programRunSync");
  Export<DisposeHandle<Program>>(env, exports, "programDispose");
}

}  // namespace ane::node
