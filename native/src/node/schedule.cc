// scheduleCreate, scheduleRun, scheduleKernel, scheduleExecute, scheduleExecuteSync, scheduleExecuteThen, hostKernelNames.
#include "schedule/schedule.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "node/arguments.h"
#include "node/kernel_arguments.h"
#include "node/objects.h"
#include "node/promise_worker.h"
#include "schedule/overlap.h"

namespace ane::node {
namespace {

Result<Napi::Value> HostKernelNamesOf(const Napi::CallbackInfo& info) {
  const std::vector<std::string> names = HostKernelNames();
  Napi::Array list = Napi::Array::New(info.Env(), names.size());
  for (uint32_t i = 0; i < names.size(); ++i) list.Set(i, names[i]);
  return Napi::Value(list);
}

Result<Napi::Value> ScheduleCreate(const Napi::CallbackInfo& info) {
  const auto device = GetHandle<Device>(info[0], "device");
  if (!device.ok()) return device.status();
  if (device.value()->disposed()) return InvalidArgument("Expected a live device, got a disposed one.");
  std::shared_ptr<JsSchedule> schedule(new JsSchedule{Schedule(device.value()), {}});
  const Result<Napi::Object> handle = MakeHandle(info.Env(), std::move(schedule));
  if (!handle.ok()) return handle.status();
  return Napi::Value(handle.value());
}

// (schedule, program, inputs, outputs): surfaces in the declared order.
Result<Napi::Value> ScheduleRun(const Napi::CallbackInfo& info) {
  const auto schedule = GetHandle<JsSchedule>(info[0], "schedule");
  if (!schedule.ok()) return schedule.status();
  const auto program = GetHandle<Program>(info[1], "executable");
  if (!program.ok()) return program.status();
  auto inputs = GetSurfaces(info[2], "inputs");
  if (!inputs.ok()) return inputs.status();
  auto outputs = GetSurfaces(info[3], "outputs");
  if (!outputs.ok()) return outputs.status();
  Status status =
      schedule.value()->schedule.AddRun(program.value(), std::move(inputs.value()), std::move(outputs.value()));
  if (!status.ok()) return status;
  return info.Env().Undefined();
}

// (schedule, name, operands, written): `written` are the surfaces whose version an execution raises.
Result<Napi::Value> ScheduleKernel(const Napi::CallbackInfo& info) {
  const auto schedule = GetHandle<JsSchedule>(info[0], "schedule");
  if (!schedule.ok()) return schedule.status();
  const Result<std::string> name = GetString(info[1], "name");
  if (!name.ok()) return name.status();
  Result<KernelArguments> operands = ReadKernelArguments(info[2]);
  if (!operands.ok()) return operands.status();
  auto written = GetSurfaces(info[3], "written");
  if (!written.ok()) return written.status();
  KernelArguments& read = operands.value();
  Status status = schedule.value()->schedule.AddKernel(name.value(), std::move(read.values), std::move(read.surfaces),
                                                       std::move(written.value()));
  if (!status.ok()) return status;
  for (ArrayReference& array : read.arrays) {
    auto& known = schedule.value()->arrays;
    const bool repeated = std::any_of(known.begin(), known.end(), [&](const ArrayReference& other) {
      return other.data == array.data && other.bytes == array.bytes;
    });
    if (!repeated) known.push_back(std::move(array));
  }
  return info.Env().Undefined();
}

// Every array the schedule points into still has the memory it had when it was recorded.
Status CheckArrays(const JsSchedule& schedule) {
  for (const ArrayReference& array : schedule.arrays) {
    if (!array.intact()) {
      return InvalidArgument("Expected the arrays of the schedule to keep their memory, got a detached one.");
    }
  }
  return {};
}

// A schedule claimed for one execution, released on the JavaScript thread when the promise is settled.
class Claim {
 public:
  explicit Claim(std::shared_ptr<JsSchedule> schedule) : schedule_(std::move(schedule)) {}
  Claim(Claim&&) = default;
  ~Claim() {
    if (schedule_) schedule_->schedule.End();
  }
  JsSchedule& operator*() const { return *schedule_; }
  JsSchedule* operator->() const { return schedule_.get(); }

 private:
  std::shared_ptr<JsSchedule> schedule_;
};

// `entries` is a Float64Array with one element per entry.
Result<Claim> Prepare(const Napi::Value& handle, const Napi::Value& times) {
  auto schedule = GetHandle<JsSchedule>(handle, "schedule");
  if (!schedule.ok()) return schedule.status();
  const Result<ArrayMemory> entries = GetTypedArray(times, "entries");
  if (!entries.ok()) return entries.status();
  if (entries.value().type != napi_float64_array ||
      entries.value().bytes != schedule.value()->schedule.size() * sizeof(double)) {
    return InvalidArgument("Expected a Float64Array with one element per entry for entries.");
  }
  Status status = CheckArrays(*schedule.value());
  if (status.ok()) status = schedule.value()->schedule.Begin();
  if (!status.ok()) return status;
  return Claim(std::move(schedule.value()));
}

// Copies the times into `entries`, which may have lost its memory meanwhile, and returns the total.
Result<Napi::Value> Deliver(Napi::Env env, const JsSchedule& schedule, const Napi::Value& entries) {
  const Result<ArrayMemory> memory = GetTypedArray(entries, "entries");
  if (!memory.ok()) return memory.status();
  const std::vector<double>& times = schedule.schedule.milliseconds();
  std::memcpy(memory.value().data, times.data(), std::min(memory.value().bytes, times.size() * sizeof(double)));
  return Napi::Value(Napi::Number::New(env, schedule.schedule.total_milliseconds()));
}

class ExecuteWorker : public PromiseWorker {
 public:
  ExecuteWorker(Napi::Env env, Claim schedule, const Napi::Object& handle, const Napi::Object& entries)
      : PromiseWorker(env),
        schedule_(std::move(schedule)),
        handle_(Napi::Persistent(handle)),
        entries_(Napi::Persistent(entries)) {}

 protected:
  Status Perform() override { return schedule_->schedule.Execute(); }

  Result<Napi::Value> Resolution(Napi::Env env) override {
    Status status = CheckArrays(*schedule_);
    if (!status.ok()) return status;
    return Deliver(env, *schedule_, entries_.Value());
  }

 private:
  Claim schedule_;
  Napi::ObjectReference handle_;  // keeps the schedule's arrays
  Napi::ObjectReference entries_;
};

Result<Napi::Value> ScheduleExecute(const Napi::CallbackInfo& info) {
  Result<Claim> schedule = Prepare(info[0], info[1]);
  if (!schedule.ok()) return schedule.status();
  return PromiseWorker::Start(new ExecuteWorker(info.Env(), std::move(schedule.value()), info[0].As<Napi::Object>(),
                                                info[1].As<Napi::Object>()));
}

Result<Napi::Value> ScheduleExecuteSync(const Napi::CallbackInfo& info) {
  const Result<Claim> schedule = Prepare(info[0], info[1]);
  if (!schedule.ok()) return schedule.status();
  Status status = schedule.value()->schedule.Execute();
  if (!status.ok()) return status;
  return Deliver(info.Env(), *schedule.value(), info[1]);
}

class ExecuteThenWorker : public PromiseWorker {
 public:
  ExecuteThenWorker(const Napi::CallbackInfo& info, Claim first, Claim second)
      : PromiseWorker(info.Env()), first_(std::move(first)), second_(std::move(second)) {
    for (size_t i = 0; i < 4; ++i) arguments_.push_back(Napi::Persistent(info[i].As<Napi::Object>()));
  }

 protected:
  Status Perform() override {
    result_ = ExecuteOverlapped(first_->schedule, second_->schedule);
    return result_.first;
  }

  // [milliseconds of the first, of its part alongside the second, of the second or the error that ended it]
  Result<Napi::Value> Resolution(Napi::Env env) override {
    for (const JsSchedule* schedule : {&*first_, &*second_}) {
      Status status = CheckArrays(*schedule);
      if (!status.ok()) return status;
    }
    Result<Napi::Value> first = Deliver(env, *first_, arguments_[1].Value());
    if (!first.ok()) return first;
    Result<Napi::Value> second =
        result_.second.ok() ? Deliver(env, *second_, arguments_[3].Value()) : ErrorValue(env, result_.second);
    if (!second.ok()) return second;
    Napi::Array times = Napi::Array::New(env, 3);
    times.Set(0u, first.value());
    times.Set(1u, Napi::Number::New(env, result_.alongside_milliseconds));
    times.Set(2u, second.value());
    return Napi::Value(times);
  }

 private:
  Claim first_, second_;
  OverlapResult result_;
  std::vector<Napi::ObjectReference> arguments_;  // handles keep the schedules' arrays
};

// (first, its entries, second, its entries)
Result<Napi::Value> ScheduleExecuteThen(const Napi::CallbackInfo& info) {
  Result<Claim> first = Prepare(info[0], info[1]);
  if (!first.ok()) return first.status();
  Result<Claim> second = Prepare(info[2], info[3]);
  if (!second.ok()) return second.status();
  if (&first.value()->schedule.device() != &second.value()->schedule.device()) {
    return InvalidArgument("Expected schedules of one device, got one of another.");
  }
  return PromiseWorker::Start(new ExecuteThenWorker(info, std::move(first.value()), std::move(second.value())));
}

}  // namespace

void ExportSchedules(Napi::Env env, Napi::Object exports) {
  Export<HostKernelNamesOf>(env, exports, "hostKernelNames");
  Export<ScheduleCreate>(env, exports, "scheduleCreate");
  Export<ScheduleRun>(env, exports, "scheduleRun");
  Export<ScheduleKernel>(env, exports, "scheduleKernel");
  Export<ScheduleExecute>(env, exports, "scheduleExecute");
  Export<ScheduleExecuteSync>(env, exports, "scheduleExecuteSync");
  Export<ScheduleExecuteThen>(env, exports, "scheduleExecuteThen");
}

}  // namespace ane::node
