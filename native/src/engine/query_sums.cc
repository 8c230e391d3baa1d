#include "engine/query_sums.h"

#include <algorithm>

#include "kernels/gemm_panels.h"
#include "kernels/vec.h"

namespace ane::engine {

QuerySums::QuerySums(const GemmMicrokernel& kernel, int64_t lines, size_t panels,
                     const View& factor, const View& out, const Shape& batch, LaneLayout* layout)
    : kernel_(kernel),
      lines_(lines),
      factor_(factor, batch),
      out_(out, batch),
      tiles_(CeilDivide(out_.columns(), kernel.columns)),
      in_blocks_(factor_.rows() > BlockOfK(factor_.rows(), kernel.depth)) {
  const int64_t tile = lines_ * kernel.columns, words = kernel.columns / kernel.depth;
  packed_at_ = layout->Take(int64_t(panels) * words * kernel.columns, size_t(tiles_));
  sums_at_ = layout->Take(tile, size_t(tiles_));
  totals_at_ = layout->Take(in_blocks_ ? tile : 0, size_t(tiles_));
  work_at_ = layout->Take(tile);
}

void QuerySums::PackFactor(const RunContext& context, int64_t item, int64_t first, int64_t count,
                           float* lane) const {
  const ConstMatrix rows = Rows(factor_.ConstAt(context, item), first, count);
  const PackedRows packed(kernel_, out_.columns(), count, kernel_.columns);
  for (int64_t tile = 0; tile < tiles_; ++tile)
    packed.PackOne(Transposed(rows), tile, packed_at_.In(lane, size_t(tile)));
}

void QuerySums::AddTile(int64_t line, const float* words, int64_t step, int64_t from,
                        int64_t queries, bool fresh, float* lane) const {
  const int64_t count = CeilDivide(queries, kernel_.depth);
  const int64_t skipped = from / kernel_.depth * kernel_.columns;
  for (int64_t tile = 0; tile < tiles_; ++tile) {
    const int64_t columns = out_.columns() - tile * kernel_.columns;
    kernel_.attention.add_queries(count, words, step, packed_at_.In(lane, size_t(tile)) + skipped,
                                  int(std::min<int64_t>(columns, kernel_.columns)),
                                  sums_at_.In(lane, size_t(tile)) + line * kernel_.columns, fresh);
  }
}

void QuerySums::EndBlock(int64_t written, bool first, float* lane) const {
  for (int64_t tile = 0; tile < tiles_; ++tile) {
    float* sums = sums_at_.In(lane, size_t(tile));
    std::fill(sums + written * kernel_.columns, sums + lines_ * kernel_.columns, 0.0f);
    if (!in_blocks_) continue;
    float* totals = totals_at_.In(lane, size_t(tile));
    if (first) {
      std::copy_n(sums, lines_ * kernel_.columns, totals);
    } else {
      Vec().add(totals, totals, sums, lines_ * kernel_.columns);
    }
  }
}

void QuerySums::Store(const RunContext& context, int64_t item, float* lane) const {
  const LaneLayout::Part& result = in_blocks_ ? totals_at_ : sums_at_;
  for (int64_t tile = 0; tile < tiles_; ++tile) {
    StoreLines(kernel_, result.In(lane, size_t(tile)), tile * kernel_.columns, work_at_.In(lane),
               out_.At(context, item));
  }
}

}  // namespace ane::engine
