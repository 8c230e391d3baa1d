#include <algorithm>
#include <cmath>

#include "engine/attention.h"
#include "kernels/gemm_elements.h"

namespace ane::engine {
namespace {

Shape BatchShape(const View& view) { return Shape(view.shape.begin(), view.shape.end() - 2); }

}  // namespace

PanelAttention::PanelAttention(const View& query, const View& key, const View& value,
                               const View& out, ScoreSteps steps)
    : items_(ElementCount(BatchShape(out))),
      rows_(query, key, std::move(steps), BatchShape(out)),
      value_(value, BatchShape(out)),
      out_(out, BatchShape(out)),
      packed_value_(rows_.kernel(), value_.columns(), rows_.keys(), rows_.kernel().rows) {
  const int64_t cores = ThreadPool::AvailableCores(), panels = int64_t(rows_.panels().size());
  const int64_t alike = std::min(rows_.key().RunOfSame(), value_.RunOfSame());
  together_ = items_ / alike >= 2 * cores ? alike : 1;
  parts_ = std::min(panels, CeilDivide(2 * cores, CeilDivide(items_, together_)));
  const GemmMicrokernel& kernel = rows_.kernel();
  key_at_ = layout_.Take(rows_.key_floats());
  value_at_ = layout_.Take(packed_value_.floats());
  work_at_ = layout_.Take(rows_.work_floats());
  panel_at_ = layout_.Take(rows_.panel_floats());
  words_at_ = layout_.Take(kernel.depth > 1 ? rows_.panel_floats() : 0);
  result_at_ = layout_.Take(2 * value_.columns() * kernel.columns);
}

void PanelAttention::Run(const RunContext& context, const AttentionLanes& lanes) const {
  const auto panels = int64_t(rows_.panels().size());
  lanes.ForEach(context, tasks(), [&](int64_t task, float* lane) {
    const int64_t first = task / parts_ * together_, part = task % parts_;
    for (int64_t item = first; item < std::min(first + together_, items_); ++item) {
      const ConstMatrix value = value_.ConstAt(context, item);
      if (item == first) {
        rows_.PackKey(context, item, key_at_.In(lane));
        packed_value_.Pack(Transposed(value), value_at_.In(lane));
      }
      float bound = 0;
      // Probabilities of 0 times values that are no numbers would not be 0.
      if (rows_.sight().known()) {
        bound = std::isfinite(LargestMagnitude(value))
                    ? ScoreBound(rows_.query().ConstAt(context, item),
                                 rows_.key().ConstAt(context, item), rows_.steps(),
                                 rows_.sight().enough())
                    : INFINITY;
      }
      for (int64_t panel = part; panel < panels; panel += parts_)
        Panel(context, item, size_t(panel), bound, lane);
    }
  });
}

void PanelAttention::Panel(const RunContext& context, int64_t item, size_t panel, float bound,
                           float* lane) const {
  const GemmMicrokernel& kernel = rows_.kernel();
  const Sight sight = rows_.sight().Of(panel, bound);
  const float* weights = panel_at_.In(lane);
  rows_.Compute(context, item, panel, sight, sight.keys, key_at_.In(lane), work_at_.In(lane),
                panel_at_.In(lane));
  if (kernel.depth > 1) {
    kernel.attention.words_along_keys(words_at_.In(lane), weights, sight.keys);
    weights = words_at_.In(lane);
  }
  const auto [first, count] = rows_.panels()[panel];
  MultiplyPanel(packed_value_, value_at_.In(lane), weights, sight.keys, result_at_.In(lane),
                Transposed(Rows(out_.At(context, item), first, count)));
}

}  // namespace ane::engine
