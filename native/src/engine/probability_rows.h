// Probabilities of attention, some rows at a time.
#pragma once

#include "engine/attention_sight.h"

namespace ane::engine {

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
  const ScoreSteps& steps() const { return steps_; }
  const MatrixBatch& query() const { return query_; }
  const MatrixBatch& key() const { return key_; }
  const AttentionSight& sight() const { return sight_; }

  // probabilities [rows, sight.keys] of an item's rows from `first`.
  void Compute(const RunContext& context, int64_t item, int64_t first, int64_t rows,
               const Sight& sight, float* probabilities) const;

 private:
  std::vector<QueryBlock> AllBlocks() const;
  // Returns the largest.
  float AddMask(float* row, const ConstMatrix& mask, int64_t at, int64_t keys) const;

  MatrixBatch query_, key_;
  ScoreSteps steps_;
  AttentionSight sight_;
};

}  // namespace ane::engine
