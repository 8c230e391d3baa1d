// A tree of element-wise operations over one shape, run block by block in the first-level cache.
#pragma once

#include <vector>

#include "engine/block_steps.h"
#include "engine/plan.h"
#include "engine/strided.h"

namespace ane::engine {

// Built once at compile time: Load, Splat and Apply return value numbers.
class FusedLoop {
 public:
  static constexpr int kMaxViews = 32;

  // `exact` rounds the result of every operation to its type; else only what is stored is rounded.
  FusedLoop(Shape shape, bool exact) : shape_(std::move(shape)), steps_(exact) {}

  int Load(const View& view);  // broadcast to the loop's shape
  int Splat(float number) { return steps_.Splat(number); }
  int Apply(const ElementwiseCall& call, std::vector<int> operands, Dtype result) {
    return steps_.Apply(call, std::move(operands), result);
  }
  void Store(int value, const View& view);
  // False when the operations need more slots or views than there are.
  bool Finish();

  const std::vector<View>& views() const { return views_; }
  const char* Run(const RunContext& context) const;

 private:
  void RunBlocks(const RunContext& context, int64_t begin, int64_t end) const;

  Shape shape_;
  BlockSteps steps_;
  std::vector<View> views_;
  int lead_ = -1;  // the first stored view
  LoopNest nest_;
  int64_t count_ = 0;
};

}  // namespace ane::engine
