// A program the Neural Engine's compiler accepted, loaded and ready to evaluate.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "ane/framework.h"
#include "ane/model_folder.h"
#include "base/status.h"

namespace ane {

// Some systems stop compiling, without a reason, after about this many programs of one process; others go on.
constexpr int kCompileBudget = 119;
constexpr int kCompileWarning = 110;

// Programs this process has handed to the compiler, on all devices.
int CompilesOfProcess();

struct ModelSource {
  std::string name;  // for messages
  std::string_view text;
  WeightFiles weights;  // borrowed while compiling
};

struct ModelCounters {
  std::atomic<int64_t> compiles{0};
  std::atomic<int64_t> cache_hits{0};
  std::atomic<int64_t> loads{0};
  std::atomic<int64_t> live{0};
  std::atomic<int64_t> compile_nanoseconds{0};
};

// Unloads and removes its folder when destroyed, or when the process exits first.
class Model {
 public:
  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  // Synchronous; outputs are readable on return. ANE_EVAL_FAILED with the framework's words.
  Status Evaluate(Id request, const std::string& name) const;
  Id object() const { return object_.get(); }

 private:
  friend class ModelCache;
  Model(std::shared_ptr<const Framework> framework, uint32_t qos, ObjectRef object)
      : framework_(std::move(framework)), qos_(qos), object_(std::move(object)) {}

  // False with the framework's words, which may be empty.
  std::pair<bool, std::string> Compile(ModelCounters& counters);
  Status Load(const ModelSource& source, ModelCounters& counters);
  void Unload();

  // Every loaded model of the process. exit() runs no finalizers, and a model that stays loaded uses up the daemon's
  // budget, so a handler unloads what is left.
  class Live;

  std::shared_ptr<const Framework> framework_;
  const uint32_t qos_;
  ObjectRef object_;
  ModelFolder folder_;
  bool loaded_ = false;
  mutable std::mutex running_;
};

// Models by content: equal text and weights are one model, compiled once and unloaded when its last user lets go.
class ModelCache : public std::enable_shared_from_this<ModelCache> {
 public:
  // `compile_budget`: after how many compiles of this cache a failure without a clear reason counts as the limit; 0
  // means after kCompileBudget of the process.
  ModelCache(std::shared_ptr<const Framework> framework, uint32_t qos, int compile_budget)
      : framework_(std::move(framework)), qos_(qos), compile_budget_(compile_budget) {}

  // Compiles and loads unless a model of the same content is in use. Different programs compile at the same time; no
  // lock that an evaluation needs is held. ANE_COMPILE_FAILED or ANE_COMPILE_LIMIT.
  Result<std::shared_ptr<const Model>> Acquire(const ModelSource& source);

  const ModelCounters& counters() const { return counters_; }

 private:
  struct Slot {
    std::mutex mutex;
    std::unique_ptr<Model> model;
    int users = 0;
  };

  bool BudgetSpent() const;
  Status Build(Slot& slot, ObjectRef object, const std::string& identifier, const ModelSource& source);
  Result<ObjectRef> Describe(const ModelSource& source) const;
  void Release(Slot& slot);

  const std::shared_ptr<const Framework> framework_;
  const uint32_t qos_;
  const int compile_budget_;
  ModelCounters counters_;
  std::mutex mutex_;  // of the map only
  std::map<std::string, std::shared_ptr<Slot>> slots_;
};

}  // namespace ane
