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
// e^-256 is 0 in fp32 with room for what roundings move scores by; see KeysSeen.
constexpr float kVanishes = -256;
constexpr int64_t kKeyStep = 16;  // numbers of keys are multiples of this
constexpr int64_t kMaskBlock = 512;

}  // namespace

void RoundIf(bool round, float* numbers, int64_t n) {
  if (round) Vec().round_fp16(numbers, n);
}

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
  const View& mask = mask_->view();
  const auto number = [&](int64_t row, int64_t key) {
    return float(LoadDouble(steps_.masking->bytes.data(), mask.dtype,
                            mask.offset + row * mask.strides[0] + key * mask.strides[1]));
  };
  for (int64_t first = 0; first < rows(); first += kBlock) {
    const int64_t end = std::min(rows(), first + kBlock);
    Reach reach{0, -kInfinity};
    bool usable = true;
    std::vector<float> largest(size_t(end - first), -kInfinity);
    for (int64_t row = first; row < end; ++row) {
      float& best = largest[size_t(row - first)];
      for (int64_t key = 0; key < keys(); ++key) {
        const float value = number(row, key);
        usable = usable && value == value;
        best = std::max(best, value);
      }
      // Sums with the mask's largest number stay finite whatever the type.
      usable = usable && std::fabs(best) <= 1024;
      for (int64_t key = reach.keys; key < keys(); ++key) {
        if (number(row, key) > best - kFar) reach.keys = key + 1;
      }
    }
    reach.keys = usable ? std::min(keys(), (reach.keys + kKeyStep - 1) / kKeyStep * kKeyStep)
                        : keys();
    for (int64_t row = first; row < end; ++row) {
      for (int64_t key = reach.keys; key < keys(); ++key)
        reach.below = std::max(reach.below, number(row, key) - largest[size_t(row - first)]);
    }
    reach_.push_back(reach);
  }
}

float ProbabilityRows::ScoreBound(const RunContext& context, int64_t item) const {
  return float(query_.columns()) * LargestMagnitude(query_.ConstAt(context, item)) *
         LargestMagnitude(key_.ConstAt(context, item)) *
         std::max(1.0f, std::fabs(steps_.scale.value_or(1)));
}

// A score out of sight is at most bound + m, the largest of its row at least -bound + m', where
// m - m' is at most `below`. Rounding the factors to bf16 and the results to fp16 moves each by
// less than 1% of the bound and 2^-11 of the mask.
int64_t ProbabilityRows::KeysSeen(int64_t block, float bound) const {
  const Reach& reach = reach_[size_t(block)];
  const bool vanishes = bound < 30000 && 2.05f * bound + reach.below < kVanishes;
  return vanishes ? reach.keys : keys();
}

void ProbabilityRows::AddMask(float* row, const ConstMatrix& mask, int64_t at, int64_t keys) const {
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
  RoundIf(steps_.round, row, keys);
}

void ProbabilityRows::Compute(const RunContext& context, int64_t item, int64_t first, int64_t rows,
                            int64_t keys, float* probabilities) const {
  const VecTable& vec = Vec();
  const Matrix scores{probabilities, Dtype::kFp32, rows, keys, keys, 1};
  Gemm(context.pool, Rows(query_.ConstAt(context, item), first, rows),
       Flipped(Rows(key_.ConstAt(context, item), 0, keys)), scores,
       {.accumulate = false, .arithmetic = steps_.arithmetic});
  const auto body = [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      float* row = probabilities + i * keys;
      RoundIf(steps_.round, row, keys);
      if (steps_.scale) {
        vec.mul_scalar(row, row, *steps_.scale, keys);
        RoundIf(steps_.round, row, keys);
      }
      if (mask_) AddMask(row, mask_->ConstAt(context, item), first + i, keys);
      vec.add_scalar(row, row, -vec.reduce_max(row, keys), keys);
      vec.exp(row, row, keys);
      vec.mul_scalar(row, row, 1 / vec.reduce_sum(row, keys), keys);
      RoundIf(steps_.round, row, keys);
    }
  };
  context.pool.ParallelFor(rows, 8, std::ref(body));
}

}  // namespace ane::engine
