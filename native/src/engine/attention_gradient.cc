#include <algorithm>
#include <cmath>
#include <functional>

#include "base/fp16.h"
#include "engine/attention.h"
#include "engine/strided.h"
#include "kernels/vec.h"

namespace ane::engine {
namespace {

constexpr int64_t kBlock = ProbabilityRows::kBlock;
constexpr int64_t kMostRows = ProbabilityRows::kMostRows;
constexpr int64_t kSumBlock = 1024;  // as reductions add

Shape BatchShape(const View& view) { return Shape(view.shape.begin(), view.shape.end() - 2); }

// Whether no element is infinite or NaN; known for `checked`.
bool IsFinite(const ConstMatrix& m, const ConstMatrix& checked) {
  const bool same = m.data == checked.data && m.row_stride == checked.row_stride &&
                    m.col_stride == checked.col_stride && m.rows == checked.rows &&
                    m.cols == checked.cols && m.dtype == checked.dtype;
  return same || std::isfinite(LargestMagnitude(m));
}

// Zeros of the shape of `out`, in its order where that is contiguous.
Matrix Sums(float* numbers, const Matrix& out) {
  std::fill_n(numbers, out.rows * out.cols, 0.0f);
  if (out.row_stride == 1) return {numbers, Dtype::kFp32, out.rows, out.cols, 1, out.rows};
  return {numbers, Dtype::kFp32, out.rows, out.cols, out.cols, 1};
}

void StoreSums(const Matrix& sums, const Matrix& out) {
  const bool by_rows = sums.col_stride == 1;
  const int64_t lines = by_rows ? out.rows : out.cols, length = by_rows ? out.cols : out.rows;
  const int64_t step = by_rows ? out.row_stride : out.col_stride;
  const int64_t stride = by_rows ? out.col_stride : out.row_stride;
  for (int64_t i = 0; i < lines; ++i) {
    StoreRun(static_cast<const float*>(sums.data) + i * length, out.data, out.dtype, i * step,
             stride, length);
  }
}

}  // namespace

AttentionGradient::AttentionGradient(const AttentionGradientViews& views, ScoreSteps steps)
    : items_(ElementCount(BatchShape(views.d_query))),
      rows_(views.query, views.key, std::move(steps), BatchShape(views.d_query)),
      value_(views.value, BatchShape(views.d_query)),
      change_(views.change, BatchShape(views.d_query)),
      change_of_value_(views.change_of_value, BatchShape(views.d_query)),
      key_of_query_(views.key_of_query, BatchShape(views.d_query)),
      query_of_key_(views.query_of_key, BatchShape(views.d_query)),
      d_query_(views.d_query, BatchShape(views.d_query)),
      d_key_(views.d_key, BatchShape(views.d_query)),
      d_value_(views.d_value, BatchShape(views.d_query)) {}

int64_t AttentionGradient::lane_floats() const {
  return rows_.keys() * (2 * kMostRows + d_key_.columns() + d_value_.columns());
}

void AttentionGradient::Run(const RunContext& context, const AttentionLanes& lanes) const {
  lanes.ForEach(context, tasks(),
                [&](int64_t item, float* scratch) { Item(context, item, scratch); });
}

// A bound of the magnitude of an item's products that is infinite unless keys out of sight add
// exact zeros to every result: neither a gradient of a score nor what it is multiplied by
// overflows.
float AttentionGradient::SightBound(const RunContext& context, int64_t item) const {
  const ConstMatrix value = value_.ConstAt(context, item), change = change_.ConstAt(context, item);
  const float largest =
      float(value.cols) * LargestMagnitude(value) * LargestMagnitude(change) *
      std::max(1.0f, std::fabs(rows_.steps().scale.value_or(1)));
  const bool zeros = largest < 25000 &&
                     IsFinite(change_of_value_.ConstAt(context, item), change) &&
                     IsFinite(key_of_query_.ConstAt(context, item),
                              rows_.key().ConstAt(context, item)) &&
                     IsFinite(query_of_key_.ConstAt(context, item),
                              rows_.query().ConstAt(context, item));
  return zeros ? rows_.ScoreBound(context, item) : INFINITY;
}

void AttentionGradient::Item(const RunContext& context, int64_t item, float* scratch) const {
  const int64_t keys = rows_.keys();
  const Matrix d_query = d_query_.At(context, item), d_key = d_key_.At(context, item),
               d_value = d_value_.At(context, item);
  float* probabilities = scratch;
  float* change = probabilities + kMostRows * keys;
  const Matrix key_sums = Sums(change + kMostRows * keys, d_key);
  const Matrix value_sums =
      Sums(static_cast<float*>(key_sums.data) + d_key.rows * d_key.cols, d_value);
  const GemmOptions once{.accumulate = false, .arithmetic = rows_.steps().arithmetic};
  const GemmOptions add{.accumulate = true, .arithmetic = rows_.steps().arithmetic};
  const float bound = rows_.reaches() ? SightBound(context, item) : 0;

  for (int64_t block = 0; block < rows_.blocks(); ++block) {
    const int64_t first = block * kBlock, count = rows_.RowsOf(block);
    const Sight sight = rows_.SightOf(block, bound);
    const int64_t seen = sight.keys;
    const auto of_rows = [&](const MatrixBatch& whole) {
      return Rows(whole.ConstAt(context, item), first, count);
    };
    const auto of_keys = [&](const MatrixBatch& whole) {
      return Rows(whole.ConstAt(context, item), 0, seen);
    };
    const ConstMatrix weights{probabilities, Dtype::kFp32, count, seen, seen, 1};
    const Matrix gradient{change, Dtype::kFp32, count, seen, seen, 1};
    rows_.Compute(context, item, first, count, sight, probabilities);
    Gemm(context.pool, Transposed(weights), of_rows(change_of_value_), Rows(value_sums, 0, seen), add);
    Gemm(context.pool, of_rows(change_), Transposed(of_keys(value_)), gradient, once);
    ScoreGradient(context, first, count, sight, probabilities, change);
    Gemm(context.pool, Constant(gradient), of_keys(key_of_query_), Rows(d_query, first, count),
         once);
    Gemm(context.pool, Transposed(Constant(gradient)), of_rows(query_of_key_),
         Rows(key_sums, 0, seen), add);
  }
  StoreSums(key_sums, d_key);
  StoreSums(value_sums, d_value);
}

void AttentionGradient::ScoreGradient(const RunContext& context, int64_t first, int64_t rows,
                                      const Sight& sight, const float* probabilities,
                                      float* change) const {
  const VecTable& vec = Vec();
  const ScoreSteps& steps = rows_.steps();
  const auto body = [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float* weights = probabilities + i * sight.keys;
      float* row = change + i * sight.keys;
      const int64_t keys = rows_.KeysOf(first + i, sight);
      double total = 0;
      for (int64_t done = 0; done < keys; done += kSumBlock)
        total += double(vec.round_dot(row + done, weights + done, steps.round,
                                      std::min(kSumBlock, keys - done)));
      float mean = float(total);
      if (steps.round) vec.round_fp16(&mean, 1);
      vec.softmax_gradient(row, weights, mean, steps.scale.value_or(1), steps.round, keys);
      std::fill(row + keys, row + sight.keys, 0.0f);
    }
  };
  context.pool.ParallelFor(rows, 8, std::ref(body));
}

}  // namespace ane::engine
