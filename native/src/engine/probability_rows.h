// Probabilities of attention, some rows at a time.
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

// Keys that some rows need not look at, from a constant mask: see ProbabilityRows::SightOf.
struct Reach {
  int64_t keys;  // most that one of the rows sees
  float below;   // scores of others are below their row's largest by at least this, without what
                 // queries and keys contribute
};

// How many of the first keys a block of rows is computed for, and whether each row sees only its
// own part of them.
struct Sight {
  int64_t keys;
  bool by_row;
};

class ProbabilityRows {
 public:
  // Rows handled together: a multiple of the tiles of every micro-kernel, in the last block up to
  // kTail more.
  static constexpr int64_t kBlock = 96, kTail = 16, kMostRows = kBlock + kTail;

  // query [.., M, E], key [.., N, E], broadcast to `batch`.
  ProbabilityRows(const View& query, const View& key, ScoreSteps steps, const Shape& batch);

  int64_t rows() const { return query_.rows(); }
  int64_t keys() const { return key_.rows(); }
  int64_t blocks() const {
    return rows() <= kMostRows ? 1 : (rows() - kTail + kBlock - 1) / kBlock;
  }
  int64_t RowsOf(int64_t block) const {
    return block + 1 == blocks() ? rows() - block * kBlock : kBlock;
  }
  bool reaches() const { return !reach_.empty(); }
  const ScoreSteps& steps() const { return steps_; }
  const MatrixBatch& query() const { return query_; }
  const MatrixBatch& key() const { return key_; }

  // A bound of the magnitude of an item's products.
  float ScoreBound(const RunContext& context, int64_t item) const;
  // Probabilities of keys out of sight are exactly 0, provided that no product is larger than
  // `bound`.
  Sight SightOf(int64_t block, float bound) const;
  int64_t KeysOf(int64_t row, const Sight& sight) const {
    return sight.by_row ? row_keys_[size_t(row)] : sight.keys;
  }

  // probabilities [rows, sight.keys] of an item's rows from `first`.
  void Compute(const RunContext& context, int64_t item, int64_t first, int64_t rows,
               const Sight& sight, float* probabilities) const;

 private:
  void FindReach();
  Reach ReachOfRows(int64_t first, int64_t end);
  // Returns the largest.
  float AddMask(float* row, const ConstMatrix& mask, int64_t at, int64_t keys) const;

  MatrixBatch query_, key_;
  ScoreSteps steps_;
  std::optional<MatrixBatch> mask_;
  std::vector<Reach> reach_;        // per block; empty when the mask is not known
  std::vector<int64_t> row_keys_;   // per row
  std::vector<bool> adds_nothing_;  // per row: the mask's numbers in sight are 0
};

}  // namespace ane::engine
