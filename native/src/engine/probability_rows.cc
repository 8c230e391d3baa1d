#include "engine/probability_rows.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "engine/scalar.h"
#include "engine/strided.h"
#include "kernels/vec.h"

namespace ane::engine {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
// A masked number this far below the largest of its row counts as out of sight.
constexpr float kFar = 16384;
// e^-256 is 0 in fp32 with room for what roundings move scores by; see SightOf.
constexpr float kVanishes = -256;
constexpr int64_t kKeyStep = 16;  // blocks see multiples of this
constexpr int64_t kMaskBlock = 512;

}  // namespace

ProbabilityRows::ProbabilityRows(const View& query, const View& key, ScoreSteps steps,
                             const Shape& batch)
    : query_(query, batch), key_(key, batch), steps_(std::move(steps)) {
  if (!steps_.mask) return;
  Shape whole = batch;
  whole.insert(whole.end(), {rows(), keys()});
  mask_.emplace(Broadcast(*steps_.mask, whole), batch);
  if (steps_.masking != nullptr && IsFloat(steps_.mask->dtype) && mask_->same_for_all())
    FindReach();
}

void ProbabilityRows::FindReach() {
  for (int64_t block = 0; block < blocks(); ++block)
    reach_.push_back(ReachOfRows(block * kBlock, block * kBlock + RowsOf(block)));
}

Reach ProbabilityRows::ReachOfRows(int64_t first, int64_t end) {
  const View& mask = mask_->view();
  Reach reach{0, -kInfinity};
  for (int64_t row = first; row < end; ++row) {
    const auto number = [&](int64_t key) {
      return float(LoadDouble(steps_.masking->bytes.data(), mask.dtype,
                              mask.offset + row * mask.strides[0] + key * mask.strides[1]));
    };
    float largest = -kInfinity;
    bool usable = true;
    for (int64_t key = 0; key < keys(); ++key) {
      usable = usable && number(key) == number(key);
      largest = std::max(largest, number(key));
    }
    // Sums with the largest number stay finite whatever the type.
    usable = usable && std::fabs(largest) <= 1024;
    int64_t seen = keys();
    while (usable && seen > 0 && number(seen - 1) <= largest - kFar) --seen;
    bool zeros = true;
    for (int64_t key = 0; key < seen; ++key) zeros = zeros && number(key) == 0;
    for (int64_t key = seen; key < keys(); ++key)
      reach.below = std::max(reach.below, number(key) - largest);
    row_keys_.push_back(seen);
    adds_nothing_.push_back(zeros);
    reach.keys = std::max(reach.keys, seen);
  }
  reach.keys = std::min(keys(), (reach.keys + kKeyStep - 1) / kKeyStep * kKeyStep);
  return reach;
}

float ProbabilityRows::ScoreBound(const RunContext& context, int64_t item) const {
  return float(query_.columns()) * LargestMagnitude(query_.ConstAt(context, item)) *
         LargestMagnitude(key_.ConstAt(context, item)) *
         std::max(1.0f, std::fabs(steps_.scale.value_or(1)));
}

// A score out of sight is at most bound + m, the largest of its row at least -bound + m', where
// m - m' is at most `below`. Rounding the factors to bf16 and the results to fp16 moves each by
// less than 1% of the bound and 2^-11 of the mask.
Sight ProbabilityRows::SightOf(int64_t block, float bound) const {
  if (reach_.empty()) return {keys(), false};
  const Reach& reach = reach_[size_t(block)];
  const bool vanishes = bound < 30000 && 2.05f * bound + reach.below < kVanishes;
  return vanishes ? Sight{reach.keys, true} : Sight{keys(), false};
}

float ProbabilityRows::AddMask(float* row, const ConstMatrix& mask, int64_t at, int64_t keys) const {
  alignas(64) float numbers[kMaskBlock];
  for (int64_t done = 0; done < keys; done += kMaskBlock) {
    const int64_t n = std::min(kMaskBlock, keys - done);
    LoadRun(numbers, mask.data, mask.dtype, at * mask.row_stride + done * mask.col_stride,
            mask.col_stride, n);
    if (mask.dtype == Dtype::kBool) {
      for (int64_t i = 0; i < n; ++i) row[done + i] = numbers[i] != 0 ? row[done + i] : -kInfinity;
    } else {
      Vec().add(row + done, row + done, numbers, n);
    }
  }
  return Vec().scale_max(row, 1, steps_.round, keys);
}

void ProbabilityRows::Compute(const RunContext& context, int64_t item, int64_t first, int64_t rows,
                              const Sight& sight, float* probabilities) const {
  Gemm(context.pool, Rows(query_.ConstAt(context, item), first, rows),
       Transposed(Rows(key_.ConstAt(context, item), 0, sight.keys)),
       {probabilities, Dtype::kFp32, rows, sight.keys, sight.keys, 1},
       {.accumulate = false, .arithmetic = steps_.arithmetic});
  const VecTable& vec = Vec();
  const float scale = steps_.scale.value_or(1);
  const auto body = [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      float* row = probabilities + i * sight.keys;
      const int64_t own = KeysOf(first + i, sight);
      float largest = vec.scale_max(row, scale, steps_.round, own);
      if (mask_ && !(sight.by_row && adds_nothing_[size_t(first + i)]))
        largest = AddMask(row, mask_->ConstAt(context, item), first + i, own);
      const float sum = vec.exp_sum(row, largest, own);
      (steps_.round ? vec.rounded : vec).mul_scalar(row, row, 1 / sum, own);
      std::fill(row + own, row + sight.keys, 0.0f);
    }
  };
  context.pool.ParallelFor(rows, 8, std::ref(body));
}

}  // namespace ane::engine
