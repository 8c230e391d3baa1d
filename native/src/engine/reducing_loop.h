// Element-wise operations over one shape and reductions of it along one axis, in one visit to every
// block of columns.
#pragma once

#include <optional>
#include <vector>

#include "engine/block_steps.h"
#include "engine/plan.h"
#include "engine/reduction.h"
#include "engine/strided.h"

namespace ane::engine {

// A column is what lies along the axis. A block of columns goes through the passes in turn: each
// computes numbers of which there is one a column, then walks along the axis, and leaves what it
// reduces to the next. A reduction adds in the order of Reduction where that works on columns.
// Every result is rounded to its type, in either math: small sums decide the scale of all numbers.
class ReducingLoop {
 public:
  static constexpr int64_t kColumns = 128;  // of a block
  static constexpr int kMaxNumbers = 48;   // of every column
  static constexpr int kMaxViews = 40;

  ReducingLoop(Shape shape, size_t axis, int passes);

  // Numbers of every column, for this and later passes; `value` counts Numbers and Reduce.
  int LoadNumber(int pass, const View& view);
  int SplatNumber(int pass, float number);
  int ApplyNumber(int pass, const ElementwiseCall& call, std::vector<int> operands, Dtype result);
  void StoreNumber(int pass, int number, const View& view);

  // The walk of a pass; values are those of its BlockSteps.
  BlockSteps& Walk(int pass) { return passes_[size_t(pass)].walk; }
  int Load(int pass, const View& view);
  int Hold(int pass, int number);
  void Store(int pass, int value, const View& view);
  int Reduce(int pass, int value, ReduceKind kind, Dtype result);  // a number for later passes

  // False when the operations need more memory than a thread has for them.
  bool Finish();
  const std::vector<View>& views() const { return views_; }
  const char* Run(const RunContext& context) const;

 private:
  enum class Kind : uint8_t { kLoad, kSplat, kApply, kStore };
  struct NumberStep {
    Kind kind;
    ElementwiseCall call{Elementwise::kNone, {0, 0}};
    int operands[3] = {-1, -1, -1};
    int result = -1;
    int view = -1;
    float number = 0;
    bool round = false;
  };
  struct Reduced {
    int number;
    ReduceKind kind;
    bool round;
  };
  struct Pass {
    std::vector<NumberStep> steps;
    BlockSteps walk;
    std::vector<Reduced> reduced;
  };
  struct Block;  // of columns, while it is worked on

  int AddView(const View& view);
  void RunBlock(const RunContext& context, Block& block) const;
  void RunNumbers(const RunContext& context, const Pass& pass, Block& block) const;
  void RunWalk(const RunContext& context, const Pass& pass, Block& block) const;

  const Shape shape_;
  const size_t axis_;
  std::vector<Pass> passes_;
  int numbers_ = 0;
  std::vector<View> views_;
  std::optional<size_t> lead_;  // the first view that is stored by a walk
  LoopNest kept_;               // all dimensions but the axis
};

}  // namespace ane::engine
