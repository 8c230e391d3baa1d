// Attention in one pass: no matrix of queries times keys lies in memory, only blocks of its rows.
#pragma once

#include "engine/attention_lanes.h"
#include "engine/probability_panels.h"
#include "engine/probability_rows.h"
#include "engine/query_sums.h"

namespace ane::engine {

// out [.., M, F] = softmax(query · keyᵀ, scaled and masked) · value, of any sizes.
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

// The same of sizes that suit panels.
class PanelAttention {
 public:
  PanelAttention(const View& query, const View& key, const View& value, const View& out,
                 ScoreSteps steps);
  int64_t tasks() const { return (items_ + together_ - 1) / together_ * parts_; }
  int64_t lane_floats() const { return layout_.floats(); }
  void Run(const RunContext& context, const AttentionLanes& lanes) const;

 private:
  // A panel of an item whose key and value are packed.
  void Panel(const RunContext& context, int64_t item, size_t panel, float bound,
             float* lane) const;

  int64_t items_;
  ProbabilityPanels rows_;
  MatrixBatch value_, out_;
  PackedRows packed_value_;
  int64_t together_;  // items in a row whose key and value are packed once
  int64_t parts_;     // in which the panels of an item are shared out
  LaneLayout layout_;
  LaneLayout::Part key_at_, value_at_, work_at_, panel_at_, words_at_, result_at_;
};

// Derivatives of PanelAttention, as the derivatives of its operations put together. Every operand is
// a view of its own, as in a program.
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
  int64_t lane_floats() const { return layout_.floats(); }
  void Run(const RunContext& context, const AttentionLanes& lanes) const;

 private:
  // Panels that are computed before their queries are added to the sums.
  struct Group {
    size_t first, count;
    bool begins, ends;  // a block of queries that is summed from zero
  };
  // What panels of a group are computed for: lines of which the first `filled` are written.
  struct Extent {
    Sight sight;
    int64_t filled;
  };
  static constexpr size_t kMostPanels = 8;

  std::vector<Group> Groups() const;
  size_t MostPanels() const;
  void Item(const RunContext& context, int64_t item, float* lane) const;
  float SightBound(const RunContext& context, int64_t item) const;
  // Number i of a group: its weights and the gradient of its products, and d_query.
  void Panel(const RunContext& context, int64_t item, const Group& group, size_t i,
             const Extent& extent, float* lane) const;
  // Adds a group to the sums of `kernel().rows` lines from `line`.
  void AddTile(const Group& group, const Extent* extents, int64_t line, bool fresh,
               float* lane) const;

  int64_t items_;
  ProbabilityPanels rows_;
  MatrixBatch value_, change_, key_of_query_, d_query_;
  PackedRows packed_value_, packed_change_, packed_key_of_query_;
  std::vector<Group> groups_;
  LaneLayout layout_;
  QuerySums key_sums_, value_sums_;
  LaneLayout::Part key_at_, value_at_, key_of_query_at_, work_at_, change_at_, result_at_;
  LaneLayout::Part weights_at_, gradient_at_;
  // The same as words; where a word is one number, the panels themselves.
  LaneLayout::Part weight_words_at_, gradient_words_at_, gradient_along_keys_at_;
};

}  // namespace ane::engine
