// What rows of attention see of their keys, from a constant mask.
//
// Legend of all attention files: M queries, N keys, E the size of a key, F the size of a value.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "engine/matrix_batch.h"

namespace ane::engine {

// From products of queries and keys to scores, in this order.
struct ScoreSteps {
  std::optional<float> scale;
  std::optional<View> mask;               // [.., M, N]; bool keeps where true, numbers are added
  std::shared_ptr<const Literal> masking;  // the mask's numbers when it is a constant
  bool round = false;                     // every step's result and the probabilities to fp16
  Arithmetic arithmetic = Arithmetic::kFp32;
};

// Consecutive queries.
struct QueryBlock {
  int64_t first, count;
};

// How many of the first keys a block of rows is computed for, and whether each row sees only its
// own part of them.
struct Sight {
  int64_t keys;
  bool by_row;
};

class AttentionSight {
 public:
  // The mask of `steps`, whose batch is `batch`.
  AttentionSight(const ScoreSteps& steps, const Shape& batch, int64_t rows, int64_t keys,
                 const std::vector<QueryBlock>& blocks);

  const std::optional<MatrixBatch>& mask() const { return mask_; }
  // Whether some keys may be out of sight.
  bool known() const { return !reach_.empty(); }
  // Probabilities of keys out of sight are exactly 0, provided that no product is larger than
  // `bound`.
  Sight Of(size_t block, float bound) const;
  // A bound that is small enough for every block.
  float enough() const { return enough_; }
  int64_t KeysOf(int64_t row, const Sight& sight) const {
    return sight.by_row ? row_keys_[size_t(row)] : sight.keys;
  }
  // Whether the mask changes no score that these rows see.
  bool AddsNothing(const QueryBlock& block, const Sight& sight) const;

 private:
  // Keys that some rows need not look at.
  struct Reach {
    int64_t keys;  // most that one of the rows sees
    float below;   // scores of others are below their row's largest by at least this, without what
                   // queries and keys contribute
  };
  Reach ReachOf(const QueryBlock& block, const Literal& masking);

  int64_t keys_;
  std::optional<MatrixBatch> mask_;
  float enough_ = 0;
  std::vector<Reach> reach_;        // per block; empty when the mask is not known
  std::vector<int64_t> row_keys_;   // per row
  std::vector<bool> adds_nothing_;  // per row: the mask's numbers in sight are 0
};

// A bound of the magnitude of the products of a query and a key, scaled or not; see ProductBound.
float ScoreBound(const ConstMatrix& query, const ConstMatrix& key, const ScoreSteps& steps,
                 float enough);

}  // namespace ane::engine
