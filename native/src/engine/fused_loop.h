// A tree of element-wise operations over one shape, run block by block in the first-level cache.
#pragma once

#include <vector>

#include "engine/elementwise.h"
#include "engine/plan.h"
#include "engine/strided.h"

namespace ane::engine {

// Built once at compile time: Load, Splat and Apply return value numbers; Finish assigns block
// slots.
class FusedLoop {
 public:
  static constexpr int kBlock = 512;  // elements; the slots of most trees lie in the first-level cache
  static constexpr int kMaxSlots = 24;
  static constexpr int kMaxViews = 32;

  // `exact` rounds the result of every operation to its type; else only what is stored is rounded.
  FusedLoop(Shape shape, bool exact) : shape_(std::move(shape)), exact_(exact) {}

  int Load(const View& view);  // broadcast to the loop's shape
  int Splat(float number);
  int Apply(const ElementwiseCall& call, std::vector<int> operands, Dtype result);
  void Store(int value, const View& view);
  // False when the operations need more slots or views than there are.
  bool Finish();

  std::vector<View> Views() const;
  const char* Run(const RunContext& context) const;

 private:
  enum class Kind : uint8_t { kLoad, kSplat, kApply, kStore };
  struct Step {
    Kind kind;
    ElementwiseCall call{Elementwise::kNone, {0, 0}};
    int operands[3] = {-1, -1, -1};  // value numbers, slots after Finish
    int result = -1;
    int view = -1;  // index of a loaded or stored view
    Dtype dtype = Dtype::kFp32;
    float number = 0;
    bool round = false;
  };

  void Round();
  bool AssignSlots();
  void RunBlocks(const RunContext& context, int64_t begin, int64_t end) const;
  void Move(const RunContext& context, const Step& step, RowCursor& cursor, int64_t n,
            float* slots) const;

  Shape shape_;
  bool exact_;
  int values_ = 0;
  std::vector<Step> steps_;
  std::vector<View> views_;  // stored ones first after Finish
  LoopNest nest_;
  int64_t count_ = 0;
};

}  // namespace ane::engine
