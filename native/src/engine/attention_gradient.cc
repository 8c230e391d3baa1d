#include <algorithm>
#include <cmath>

#include "engine/attention.h"
#include "kernels/gemm_panels.h"

namespace ane::engine {
namespace {

// The panels of a group stay in the second-level cache.
constexpr int64_t kGroupFloats = int64_t{1} << 16;

// Gradients of probabilities below this stay finite in fp16 through all steps.
constexpr float kMostChange = 25000;

Shape BatchShape(const View& view) { return Shape(view.shape.begin(), view.shape.end() - 2); }

// Whether no element is infinite or NaN; known for `checked`.
bool IsFinite(const ConstMatrix& m, const ConstMatrix& checked) {
  const bool same = m.data == checked.data && m.row_stride == checked.row_stride &&
                    m.col_stride == checked.col_stride && m.rows == checked.rows &&
                    m.cols == checked.cols && m.dtype == checked.dtype;
  return same || std::isfinite(LargestMagnitude(m));
}

}  // namespace

AttentionGradient::AttentionGradient(const AttentionGradientViews& views, ScoreSteps steps)
    : items_(ElementCount(BatchShape(views.d_query))),
      rows_(views.query, views.key, std::move(steps), BatchShape(views.d_query)),
      value_(views.value, BatchShape(views.d_query)),
      change_(views.change, BatchShape(views.d_query)),
      key_of_query_(views.key_of_query, BatchShape(views.d_query)),
      d_query_(views.d_query, BatchShape(views.d_query)),
      packed_value_(rows_.kernel(), rows_.keys(), value_.columns(), rows_.kernel().rows),
      packed_change_(rows_.kernel(), rows_.kernel().columns, value_.columns(),
                     rows_.kernel().columns),
      packed_key_of_query_(rows_.kernel(), d_query_.columns(), rows_.keys(), rows_.kernel().rows),
      groups_(Groups()),
      key_sums_(rows_.kernel(), rows_.lines(), MostPanels(), views.query_of_key, views.d_key,
                BatchShape(views.d_query), &layout_),
      value_sums_(rows_.kernel(), rows_.lines(), MostPanels(), views.change_of_value,
                  views.d_value, BatchShape(views.d_query), &layout_) {
  const GemmMicrokernel& kernel = rows_.kernel();
  const int64_t panel = rows_.panel_floats();
  const size_t most = MostPanels();
  key_at_ = layout_.Take(rows_.key_floats());
  value_at_ = layout_.Take(packed_value_.floats());
  key_of_query_at_ = layout_.Take(packed_key_of_query_.floats());
  work_at_ = layout_.Take(rows_.work_floats(), most);
  change_at_ = layout_.Take(packed_change_.floats(), most);
  result_at_ = layout_.Take(2 * d_query_.columns() * kernel.columns, most);
  weights_at_ = weight_words_at_ = layout_.Take(panel, most);
  gradient_at_ = gradient_words_at_ = gradient_along_keys_at_ = layout_.Take(panel, most);
  if (kernel.depth == 1) return;
  weight_words_at_ = layout_.Take(panel / kernel.depth, most);
  gradient_words_at_ = layout_.Take(panel / kernel.depth, most);
  gradient_along_keys_at_ = layout_.Take(panel, most);
}

std::vector<AttentionGradient::Group> AttentionGradient::Groups() const {
  const std::vector<QueryBlock>& panels = rows_.panels();
  const int64_t block = BlockOfK(rows_.query().rows(), rows_.kernel().depth);
  const auto most = size_t(std::clamp<int64_t>(kGroupFloats / (2 * rows_.panel_floats()), 1,
                                               int64_t(kMostPanels)));
  std::vector<Group> groups;
  for (size_t i = 0; i < panels.size(); ++i) {
    const bool begins = panels[i].first % block == 0;
    if (begins || groups.back().count == most) groups.push_back({i, 0, begins, false});
    ++groups.back().count;
    groups.back().ends = i + 1 == panels.size() || panels[i + 1].first % block == 0;
  }
  return groups;
}

size_t AttentionGradient::MostPanels() const {
  size_t most = 0;
  for (const Group& group : groups_) most = std::max(most, group.count);
  return most;
}

void AttentionGradient::Run(const RunContext& context, const AttentionLanes& lanes) const {
  lanes.ForEach(context, tasks(), [&](int64_t item, float* lane) { Item(context, item, lane); });
}

// A bound of the magnitude of an item's products that is infinite unless keys out of sight add
// exact zeros to every result: neither a gradient of a score nor what it is multiplied by
// overflows.
float AttentionGradient::SightBound(const RunContext& context, int64_t item) const {
  const ConstMatrix value = value_.ConstAt(context, item), change = change_.ConstAt(context, item),
                    query = rows_.query().ConstAt(context, item),
                    key = rows_.key().ConstAt(context, item);
  const float scale = std::max(1.0f, std::fabs(rows_.steps().scale.value_or(1)));
  const bool zeros = scale * ProductBound(change, value, kMostChange / scale) < kMostChange &&
                     IsFinite(value_sums_.factor().ConstAt(context, item), change) &&
                     IsFinite(key_of_query_.ConstAt(context, item), key) &&
                     IsFinite(key_sums_.factor().ConstAt(context, item), query);
  return zeros ? ScoreBound(query, key, rows_.steps(), rows_.sight().enough()) : INFINITY;
}

void AttentionGradient::Item(const RunContext& context, int64_t item, float* lane) const {
  const int64_t tile = rows_.kernel().rows;
  const float bound = rows_.sight().known() ? SightBound(context, item) : 0;
  rows_.PackKey(context, item, key_at_.In(lane));
  packed_value_.Pack(value_.ConstAt(context, item), value_at_.In(lane));
  packed_key_of_query_.Pack(Transposed(key_of_query_.ConstAt(context, item)),
                            key_of_query_at_.In(lane));
  int64_t summed = 0;  // lines of the sums of this block of queries
  bool later = false;  // than the first block
  for (const Group& group : groups_) {
    Extent extents[kMostPanels];
    int64_t lines = 0, queries = 0;
    for (size_t i = 0; i < group.count; ++i) {
      const Sight sight = rows_.sight().Of(group.first + i, bound);
      // A tile is added from the first panel on that has it.
      lines = std::max(lines, CeilDivide(sight.keys, tile) * tile);
      extents[i] = {sight, lines};
      queries += rows_.panels()[group.first + i].count;
    }
    context.pool.ParallelFor(int64_t(group.count), 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        Panel(context, item, group, size_t(i), extents[i], lane);
    });
    const int64_t first = rows_.panels()[group.first].first;
    key_sums_.PackFactor(context, item, first, queries, lane);
    value_sums_.PackFactor(context, item, first, queries, lane);
    if (group.begins) summed = 0;
    context.pool.ParallelFor(lines / tile, 1, [&](int64_t begin, int64_t end) {
      for (int64_t line = begin * tile; line < end * tile; line += tile)
        AddTile(group, extents, line, line >= summed, lane);
    });
    summed = std::max(summed, lines);
    if (!group.ends) continue;
    key_sums_.EndBlock(summed, !later, lane);
    value_sums_.EndBlock(summed, !later, lane);
    later = true;
  }
  key_sums_.Store(context, item, lane);
  value_sums_.Store(context, item, lane);
}

void AttentionGradient::Panel(const RunContext& context, int64_t item, const Group& group,
                              size_t i, const Extent& extent, float* lane) const {
  const GemmMicrokernel& kernel = rows_.kernel();
  const size_t panel = group.first + i;
  const auto [first, count] = rows_.panels()[panel];
  const auto& [sight, filled] = extent;
  float *weights = weights_at_.In(lane, i), *gradient = gradient_at_.In(lane, i);
  rows_.Compute(context, item, panel, sight, filled, key_at_.In(lane), work_at_.In(lane, i),
                weights);
  packed_change_.Pack(Rows(change_.ConstAt(context, item), first, count), change_at_.In(lane, i));
  FillPanel(packed_value_, value_at_.In(lane), change_at_.In(lane, i), sight.keys, gradient);
  rows_.Gradient(panel, sight, filled, weights, gradient);
  if (kernel.depth > 1) {
    const AttentionKernel& words = kernel.attention;
    words.words_along_keys(gradient_along_keys_at_.In(lane, i), gradient, sight.keys);
    words.words_along_queries(gradient_words_at_.In(lane, i), gradient, filled);
    words.words_along_queries(weight_words_at_.In(lane, i), weights, filled);
  }
  MultiplyPanel(packed_key_of_query_, key_of_query_at_.In(lane),
                gradient_along_keys_at_.In(lane, i), sight.keys, result_at_.In(lane, i),
                Transposed(Rows(d_query_.At(context, item), first, count)));
}

void AttentionGradient::AddTile(const Group& group, const Extent* extents, int64_t line,
                                bool fresh, float* lane) const {
  const GemmMicrokernel& kernel = rows_.kernel();
  size_t from = 0;
  while (extents[from].filled <= line) ++from;
  int64_t queries = 0;
  for (size_t i = from; i < group.count; ++i) queries += rows_.panels()[group.first + i].count;
  const int64_t at = line * kernel.columns / kernel.depth;
  const int64_t skipped = int64_t(from) * kernel.columns;
  value_sums_.AddTile(line, weight_words_at_.In(lane, from) + at, weight_words_at_.step, skipped,
                      queries, fresh, lane);
  key_sums_.AddTile(line, gradient_words_at_.In(lane, from) + at, gradient_words_at_.step, skipped,
                    queries, fresh, lane);
}

}  // namespace ane::engine
