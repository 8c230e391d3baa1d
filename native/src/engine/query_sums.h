// Sums over queries in the gradient of attention: those of keys and of values.
#pragma once

#include "engine/attention_lanes.h"
#include "engine/matrix_batch.h"
#include "engine/panel_products.h"

namespace ane::engine {

// out [.., N, C] = weightsᵀ [N, M] · factor [M, C], some panels of queries at a time, summed in the
// order and the blocks of queries that Gemm has.
class QuerySums {
 public:
  // `lines` of a panel; at most `panels` of them are added at a time.
  QuerySums(const GemmMicrokernel& kernel, int64_t lines, size_t panels, const View& factor,
            const View& out, const Shape& batch, LaneLayout* layout);

  const MatrixBatch& factor() const { return factor_; }
  // The factor's rows of panels that are added next.
  void PackFactor(const RunContext& context, int64_t item, int64_t first, int64_t count,
                  float* lane) const;
  // Adds panels to one tile of lines from `line` on: `queries` of them from number `from` of those
  // whose factor is packed. Lines of words of one panel stand `step` words behind those of another.
  // Fresh lines have no sums.
  void AddTile(int64_t line, const float* words, int64_t step, int64_t from, int64_t queries,
               bool fresh, float* lane) const;
  // Ends a block of queries, the first or a later one, whose sums have `written` lines.
  void EndBlock(int64_t written, bool first, float* lane) const;
  void Store(const RunContext& context, int64_t item, float* lane) const;

 private:
  const GemmMicrokernel& kernel_;
  int64_t lines_;
  MatrixBatch factor_, out_;
  int64_t tiles_;    // of columns
  bool in_blocks_;
  LaneLayout::Part packed_at_, sums_at_, totals_at_, work_at_;
};

}  // namespace ane::engine
