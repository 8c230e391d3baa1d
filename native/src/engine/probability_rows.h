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

// Which keys a block of rows can see, from a constant mask.
struct Reach {
  int64_t keys;  // those behind have scores so far below others of their row ...
  float below;   // ... by at most this, without what queries and keys contribute
};

class ProbabilityRows {
 public:
  // Rows handled together: tiles of every micro-kernel fill this number.
  static constexpr int64_t kBlock = 48;

  // query [.., M, E], key [.., N, E], broadcast to `batch`.
  ProbabilityRows(const View& query, const View& key, ScoreSteps steps, const Shape& batch);

  int64_t rows() const { return query_.rows(); }
  int64_t keys() const { return key_.rows(); }
  int64_t blocks() const { return (rows() + kBlock - 1) / kBlock; }
  bool masked() const { return !reach_.empty(); }
  const ScoreSteps& steps() const { return steps_; }
  const MatrixBatch& query() const { return query_; }
  const MatrixBatch& key() const { return key_; }

  // A bound of the magnitude of an item's products.
  float ScoreBound(const RunContext& context, int64_t item) const;
  // The keys behind this number have probabilities of exactly 0 in all rows of the block, provided
  // that no product is larger than `bound`.
  int64_t KeysSeen(int64_t block, float bound) const;

  // probabilities [rows, keys] of an item's first `keys` keys, rows `keys` apart.
  void Compute(const RunContext& context, int64_t item, int64_t first, int64_t rows, int64_t keys,
               float* probabilities) const;

 private:
  void FindReach();
  void AddMask(float* row, const ConstMatrix& mask, int64_t at, int64_t keys) const;

  MatrixBatch query_, key_;
  ScoreSteps steps_;
  std::optional<MatrixBatch> mask_;
  std::vector<Reach> reach_;  // per block; empty when the mask is not known
};

// `numbers` rounded to fp16 where the program rounds.
void RoundIf(bool round, float* numbers, int64_t n);

}  // namespace ane::engine
