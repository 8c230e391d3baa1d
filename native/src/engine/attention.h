// Attention in one pass: no matrix of queries times keys lies in memory, only blocks of its rows.
#pragma once

#include "engine/attention_lanes.h"
#include "engine/probability_rows.h"

namespace ane::engine {

// out [.., M, F] = softmax(query · keyᵀ, scaled and masked) · value.
class Attention {
 public:
  // query [.., M, E], key [.., N, E], value [.., N, F]; their batches broadcast to that of out.
  Attention(const View& query, const View& key, const View& value, const View& out,
            ScoreSteps steps);
  // Parts that run independently, and the working memory of one of them: see AttentionLanes.
  int64_t tasks() const { return items_ * rows_.blocks(); }
  int64_t lane_floats() const { return ProbabilityRows::kMostRows * rows_.keys(); }
  void Run(const RunContext& context, const AttentionLanes& lanes) const;

 private:
  int64_t items_;
  ProbabilityRows rows_;
  MatrixBatch value_, out_;
};

// Derivatives of Attention, as the derivatives of its operations put together. Every operand is a
// view of its own, as in a program.
struct AttentionGradientViews {
  View query, key, value;           // of the forward pass
  View change;                      // [.., M, F], the gradient of out
  View change_of_value;             // again, as the product that gives d_value reads it
  View key_of_query, query_of_key;  // again, as those that give d_query and d_key read them
  View d_query, d_key, d_value;     // results, [.., M, E], [.., N, E], [.., N, F]
};

class AttentionGradient {
 public:
  AttentionGradient(const AttentionGradientViews& views, ScoreSteps steps);
  int64_t tasks() const { return items_; }
  int64_t lane_floats() const;
  void Run(const RunContext& context, const AttentionLanes& lanes) const;

 private:
  void Item(const RunContext& context, int64_t item, float* scratch) const;
  float SightBound(const RunContext& context, int64_t item) const;
  // From the gradient of probabilities to that of products of queries and keys, in place.
  void ScoreGradient(const RunContext& context, int64_t first, int64_t rows, const Sight& sight,
                     const float* probabilities, float* change) const;

  int64_t items_;
  ProbabilityRows rows_;
  MatrixBatch value_, change_, change_of_value_, key_of_query_, query_of_key_;
  MatrixBatch d_query_, d_key_, d_value_;
};

}  // namespace ane::engine
