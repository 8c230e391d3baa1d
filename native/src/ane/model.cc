#include "ane/model.h"

#include <chrono>
#include <cstdlib>
#include <set>
#include <thread>
#include <utility>

namespace ane {
namespace {

std::atomic<int> g_compiles{0};

constexpr auto kLoadRetryDelay = std::chrono::milliseconds(100);

// What the compiler says of a program it understood and refused, as opposed to a service that gave up.
constexpr const char* kInvalidProgram = "InvalidMILProgram";

Status CompileFailure(const std::string& name, const std::string& reason, bool budget_spent) {
  const bool silent = reason.empty();
  if (silent || (budget_spent && reason.find(kInvalidProgram) == std::string::npos)) {
    return {"ANE_COMPILE_LIMIT", "The Neural Engine's compiler refused " + name +
                                     (silent ? " without a reason" : ": " + reason) + ". This process has compiled " +
                                     std::to_string(CompilesOfProcess()) +
                                     " programs, and some systems stop at about 119; save and start it again."};
  }
  return {"ANE_COMPILE_FAILED", "The Neural Engine's compiler refused " + name + ": " + reason + "."};
}

}  // namespace

int CompilesOfProcess() { return g_compiles.load(); }

class Model::Live {
 public:
  static void Add(Model* model) {
    Live& live = Instance();
    std::lock_guard<std::mutex> lock(live.mutex_);
    if (!live.registered_) live.registered_ = std::atexit(UnloadAll) == 0;
    live.models_.insert(model);
  }
  static void Remove(Model* model) {
    Live& live = Instance();
    std::lock_guard<std::mutex> lock(live.mutex_);
    live.models_.erase(model);
  }

 private:
  // Never destroyed: other threads may still run while the process exits.
  static Live& Instance() {
    static auto* live = new Live();
    return *live;
  }

  static void UnloadAll() {
    Live& live = Instance();
    std::lock_guard<std::mutex> lock(live.mutex_);
    for (Model* model : live.models_) {
      std::unique_lock<std::mutex> idle(model->running_, std::try_to_lock);
      if (idle) model->Unload();
      const ModelFolder removed = std::move(model->folder_);
    }
    live.models_.clear();
  }

  std::mutex mutex_;
  std::set<Model*> models_;
  bool registered_ = false;
};

Model::~Model() {
  Live::Remove(this);
  Unload();
}

void Model::Unload() {
  if (!std::exchange(loaded_, false)) return;
  const AutoreleasePool pool(framework_->objc());
  Id error = nullptr;
  // Nothing can be done about a failure here; the daemon unloads when the process ends.
  framework_->methods().Send<bool>(Call::kModelUnload, object_.get(), qos_, &error);
}

std::pair<bool, std::string> Model::Compile(ModelCounters& counters) {
  ++g_compiles;
  ++counters.compiles;
  const auto start = std::chrono::steady_clock::now();
  Id error = nullptr;
  const Id options = framework_->methods().SendClass<Id>(Call::kDictionary);
  const bool done = framework_->methods().Send<bool>(Call::kModelCompile, object_.get(), qos_, options, &error);
  const auto spent = std::chrono::steady_clock::now() - start;
  counters.compile_nanoseconds += std::chrono::duration_cast<std::chrono::nanoseconds>(spent).count();
  return {done, done ? "" : framework_->ErrorText(error)};
}

Status Model::Load(const ModelSource& source, ModelCounters& counters) {
  std::string reason;
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (attempt > 0) std::this_thread::sleep_for(kLoadRetryDelay);  // a busy daemon often accepts the second try
    Id error = nullptr;
    const Id options = framework_->methods().SendClass<Id>(Call::kDictionary);
    loaded_ = framework_->methods().Send<bool>(Call::kModelLoad, object_.get(), qos_, options, &error);
    if (loaded_) {
      ++counters.loads;
      Live::Add(this);
      return {};
    }
    reason = framework_->ErrorText(error);
  }
  return {"ANE_COMPILE_FAILED", "The Neural Engine compiled " + source.name +
                                    " but did not load it: " + (reason.empty() ? "no reason given" : reason) + "."};
}

Status Model::Evaluate(Id request, const std::string& name) const {
  std::lock_guard<std::mutex> running(running_);
  if (!loaded_)
    return {"ANE_EVAL_FAILED", "Expected a loaded program, got " + name + ", which the exiting process unloaded."};
  const AutoreleasePool pool(framework_->objc());
  Id error = nullptr;
  const Id options = framework_->methods().SendClass<Id>(Call::kDictionary);
  if (framework_->methods().Send<bool>(Call::kModelEvaluate, object_.get(), qos_, options, request, &error)) return {};
  const std::string reason = framework_->ErrorText(error);
  return {"ANE_EVAL_FAILED",
          "The Neural Engine failed to run " + name + ": " + (reason.empty() ? "no reason given" : reason) + "."};
}

Result<ObjectRef> ModelCache::Describe(const ModelSource& source) const {
  const MethodTable& methods = framework_->methods();
  // Weight-free programs need an empty dictionary; nil crashes.
  const Id weights = methods.SendClass<Id>(Call::kDictionary);
  for (const auto& [path, bytes] : source.weights) {
    const Id entry = methods.SendClass<Id>(Call::kDictionary);
    const Id offset = methods.SendClass<Id>(Call::kNumberWithInt, 0);
    methods.Send<void>(Call::kDictionarySet, entry, offset, framework_->String("offset"));
    methods.Send<void>(Call::kDictionarySet, entry, framework_->Data(bytes.data(), bytes.size()),
                       framework_->String("data"));
    methods.Send<void>(Call::kDictionarySet, weights, entry, framework_->String(path));
  }
  const Id text = framework_->Data(source.text.data(), source.text.size());
  const Id descriptor = methods.SendClass<Id>(Call::kDescriptorWithText, text, weights, Id{nullptr});
  if (descriptor == nullptr) {
    return Status("ANE_COMPILE_FAILED", "The Neural Engine could not parse " + source.name + "; it gives no reason.");
  }
  const Id model = methods.SendClass<Id>(Call::kModelWithDescriptor, descriptor);
  if (model == nullptr) {
    return Status("ANE_COMPILE_FAILED", "The Neural Engine made no model of " + source.name + ".");
  }
  return ObjectRef(framework_->objc(), model);
}

bool ModelCache::BudgetSpent() const {
  return compile_budget_ > 0 ? counters_.compiles > compile_budget_ : CompilesOfProcess() > kCompileBudget;
}

Status ModelCache::Build(Slot& slot, ObjectRef object, const std::string& identifier, const ModelSource& source) {
  const std::string temporary = framework_->Text(framework_->objc().temporary_directory());
  Result<ModelFolder> folder = ModelFolder::Write(temporary, identifier, source.text, source.weights);
  if (!folder.ok()) return folder.status();
  std::unique_ptr<Model> model(new Model(framework_, qos_, std::move(object)));
  model->folder_ = std::move(folder.value());
  const auto [compiled, reason] = model->Compile(counters_);
  if (!compiled) return CompileFailure(source.name, reason, BudgetSpent());
  Status status = model->Load(source, counters_);
  if (!status.ok()) return status;
  slot.model = std::move(model);
  ++counters_.live;
  return {};
}

Result<std::shared_ptr<const Model>> ModelCache::Acquire(const ModelSource& source) {
  const AutoreleasePool pool(framework_->objc());
  Result<ObjectRef> object = Describe(source);
  if (!object.ok()) return object.status();
  const std::string identifier =
      framework_->Text(framework_->methods().Send<Id>(Call::kModelIdentifier, object.value().get()));

  std::shared_ptr<Slot> slot;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    std::shared_ptr<Slot>& found = slots_[identifier];
    if (!found) found = std::make_shared<Slot>();
    slot = found;
  }
  std::lock_guard<std::mutex> lock(slot->mutex);
  if (slot->model) {
    ++counters_.cache_hits;
  } else {
    Status status = Build(*slot, std::move(object.value()), identifier, source);
    if (!status.ok()) return status;
  }
  ++slot->users;
  return std::shared_ptr<const Model>(slot->model.get(),
                                      [cache = shared_from_this(), slot](const Model*) { cache->Release(*slot); });
}

void ModelCache::Release(Slot& slot) {
  std::lock_guard<std::mutex> lock(slot.mutex);
  if (--slot.users > 0) return;
  slot.model.reset();
  --counters_.live;
}

}  // namespace ane
