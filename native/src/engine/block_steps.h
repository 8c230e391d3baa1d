// Element-wise operations in order, over blocks of numbers that lie in slots of the first-level
// cache.
#pragma once

#include <algorithm>
#include <vector>

#include "engine/elementwise.h"

namespace ane::engine {

// Built once at compile time: Load, Hold, Splat and Apply return value numbers; Finish assigns
// slots.
class BlockSteps {
 public:
  static constexpr int kBlock = 512;  // elements; the slots of most trees fit that cache
  static constexpr int kMaxSlots = 24;

  // `exact` rounds the result of every operation to its type; else only what is stored is rounded.
  explicit BlockSteps(bool exact) : exact_(exact) {}

  int Load(int place);  // filled for every block
  int Hold(int place);  // filled before the first block
  int Splat(float number);
  int Apply(const ElementwiseCall& call, std::vector<int> operands, Dtype result);
  void Store(int value, int place, bool rounds);  // `rounds`: whoever takes it rounds it
  // False when the operations need more slots than there are.
  bool Finish();
  bool empty() const { return steps_.empty(); }

  // fill(place, slot) fills the slots of Hold.
  template <typename Fill>
  void Begin(float* slots, Fill fill) const {
    for (const Step& step : steps_) {
      float* slot = slots + step.result * kBlock;
      if (step.kind == Kind::kSplat) std::fill_n(slot, kBlock, step.number);
      if (step.kind == Kind::kHold) fill(step.place, slot);
    }
  }

  // One block of n elements; load(place, slot) fills the slots of Load, store(place, slot) takes
  // those of Store.
  template <typename LoadSlot, typename StoreSlot>
  void Run(float* slots, int64_t n, LoadSlot load, StoreSlot store) const {
    const auto slot = [&](int i) { return i < 0 ? nullptr : slots + i * kBlock; };
    for (const Step& step : steps_) {
      switch (step.kind) {
        case Kind::kApply:
          ApplyBlock(step.call, step.round, slot(step.result), slot(step.operands[0]),
                     slot(step.operands[1]), slot(step.operands[2]), n);
          break;
        case Kind::kLoad: load(step.place, slot(step.result)); break;
        case Kind::kStore: store(step.place, slot(step.operands[0])); break;
        default: break;
      }
    }
  }

 private:
  enum class Kind : uint8_t { kLoad, kHold, kSplat, kApply, kStore };
  struct Step {
    Kind kind;
    ElementwiseCall call{Elementwise::kNone, {0, 0}};
    int operands[3] = {-1, -1, -1};  // value numbers, slots after Finish
    int result = -1;
    int place = -1;
    Dtype dtype = Dtype::kFp32;
    float number = 0;
    bool round = false;  // the result; of a store: that who takes the value rounds
  };

  static bool IsKept(Kind kind) { return kind == Kind::kSplat || kind == Kind::kHold; }
  int Add(Step step);
  void Round();
  void LoadLate();
  bool AssignSlots();

  bool exact_;
  int values_ = 0;
  std::vector<Step> steps_;
};

}  // namespace ane::engine
