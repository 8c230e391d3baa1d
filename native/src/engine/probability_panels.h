// Probabilities of attention, a panel of queries at a time: see engine/panel_products.h.
#pragma once

#include <vector>

#include "engine/attention_sight.h"
#include "engine/panel_products.h"

namespace ane::engine {

class ProbabilityPanels {
 public:
  // Whether attention of these sizes sums in the same order on panels as operations one by one:
  // products of few rows or columns have an order of their own.
  static bool Suit(int64_t queries, int64_t keys, int64_t size, int64_t value_size);

  // query [.., M, E], key [.., N, E], broadcast to `batch`; numbers are added as the mask.
  ProbabilityPanels(const View& query, const View& key, ScoreSteps steps, const Shape& batch);

  const GemmMicrokernel& kernel() const { return kernel_; }
  const ScoreSteps& steps() const { return steps_; }
  const MatrixBatch& query() const { return query_; }
  const MatrixBatch& key() const { return key_; }
  const AttentionSight& sight() const { return sight_; }
  int64_t keys() const { return key_.rows(); }
  // Queries of each panel; none has queries of two blocks that a sum over queries is made of.
  const std::vector<QueryBlock>& panels() const { return panels_; }
  // Lines of a panel: the keys and what fills the last tile.
  int64_t lines() const { return lines_; }
  int64_t panel_floats() const { return lines_ * kernel_.columns; }

  // The key in panels.
  int64_t key_floats() const { return packed_key_.floats(); }
  void PackKey(const RunContext& context, int64_t item, float* to) const;

  int64_t work_floats() const;
  // probabilities [lines, columns], of which the first `filled` lines are written, at least
  // sight.keys.
  void Compute(const RunContext& context, int64_t item, size_t panel, const Sight& sight,
               int64_t filled, const float* packed_key, float* work, float* probabilities) const;
  // From the gradient of probabilities to that of products of queries and keys, in place.
  void Gradient(size_t panel, const Sight& sight, int64_t filled, const float* probabilities,
                float* change) const;

 private:
  struct Counts {
    int32_t keys[64];  // of every column
  };
  Counts CountsOf(size_t panel, const Sight& sight) const;
  void PackMask(const RunContext& context, int64_t item, const QueryBlock& block, int64_t keys,
                float* to) const;

  const GemmMicrokernel& kernel_;
  MatrixBatch query_, key_;
  ScoreSteps steps_;
  std::vector<QueryBlock> panels_;
  int64_t lines_;
  PackedRows packed_key_, packed_query_;
  AttentionSight sight_;
};

}  // namespace ane::engine
