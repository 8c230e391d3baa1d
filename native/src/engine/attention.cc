#include "engine/attention.h"

#include <cmath>
#include <utility>

namespace ane::engine {
namespace {

constexpr int64_t kBlock = ProbabilityRows::kBlock;

Shape BatchShape(const View& view) { return Shape(view.shape.begin(), view.shape.end() - 2); }

bool IsFinite(const ConstMatrix& m) { return std::isfinite(LargestMagnitude(m)); }

}  // namespace

Attention::Attention(const View& query, const View& key, const View& value, const View& out,
                     ScoreSteps steps)
    : items_(ElementCount(BatchShape(out))),
      rows_(query, key, std::move(steps), BatchShape(out)),
      value_(value, BatchShape(out)),
      out_(out, BatchShape(out)) {}

void Attention::Run(const RunContext& context, const AttentionLanes& lanes) const {
  const int64_t blocks = rows_.blocks();
  lanes.ForEach(context, tasks(), [&, bounded = int64_t{-1}, bound = 0.0f](
                                      int64_t task, float* probabilities) mutable {
    const int64_t item = task / blocks, block = task % blocks, first = block * kBlock;
    const int64_t count = rows_.RowsOf(block);
    const ConstMatrix value = value_.ConstAt(context, item);
    // Probabilities of 0 times values that are no numbers would not be 0.
    if (rows_.sight().known() && std::exchange(bounded, item) != item) {
      bound = IsFinite(value) ? ScoreBound(rows_.query().ConstAt(context, item),
                                           rows_.key().ConstAt(context, item), rows_.steps(),
                                           rows_.sight().enough())
                              : INFINITY;
    }
    const Sight sight = rows_.sight().Of(size_t(block), bound);
    const int64_t keys = sight.keys;
    rows_.Compute(context, item, first, count, sight, probabilities);
    Gemm(context.pool, {probabilities, Dtype::kFp32, count, keys, keys, 1}, Rows(value, 0, keys),
         Rows(out_.At(context, item), first, count),
         {.accumulate = false, .arithmetic = rows_.steps().arithmetic});
  });
}

}  // namespace ane::engine
