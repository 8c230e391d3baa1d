#include "engine/attention_sight.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/scalar.h"

namespace ane::engine {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
// A masked number this far below the largest of its row counts as out of sight.
constexpr float kFar = 16384;
// e^-256 is 0 in fp32 with room for what roundings move scores by; see Of.
constexpr float kVanishes = -256;
constexpr float kMostBound = 30000;  // no sum of fp16 overflows
constexpr float kSlack = 2.05f;
constexpr int64_t kKeyStep = 16;  // blocks see multiples of this

}  // namespace

AttentionSight::AttentionSight(const ScoreSteps& steps, const Shape& batch, int64_t rows,
                               int64_t keys, const std::vector<QueryBlock>& blocks)
    : keys_(keys) {
  if (!steps.mask) return;
  Shape whole = batch;
  whole.insert(whole.end(), {rows, keys});
  mask_.emplace(Broadcast(*steps.mask, whole), batch);
  if (steps.masking == nullptr || !IsFloat(steps.mask->dtype) || !mask_->same_for_all()) return;
  enough_ = kMostBound;
  for (const QueryBlock& block : blocks) {
    reach_.push_back(ReachOf(block, *steps.masking));
    enough_ = std::min(enough_, (kVanishes - reach_.back().below) / kSlack);
  }
}

AttentionSight::Reach AttentionSight::ReachOf(const QueryBlock& block, const Literal& masking) {
  const View& mask = mask_->view();
  Reach reach{0, -kInfinity};
  for (int64_t row = block.first; row < block.first + block.count; ++row) {
    const auto number = [&](int64_t key) {
      return float(LoadDouble(masking.bytes.data(), mask.dtype,
                              mask.offset + row * mask.strides[0] + key * mask.strides[1]));
    };
    float largest = -kInfinity;
    bool usable = true;
    for (int64_t key = 0; key < keys_; ++key) {
      usable = usable && number(key) == number(key);
      largest = std::max(largest, number(key));
    }
    // Sums with the largest number stay finite whatever the type.
    usable = usable && std::fabs(largest) <= 1024;
    int64_t seen = keys_;
    while (usable && seen > 0 && number(seen - 1) <= largest - kFar) --seen;
    bool zeros = true;
    for (int64_t key = 0; key < seen; ++key) zeros = zeros && number(key) == 0;
    for (int64_t key = seen; key < keys_; ++key)
      reach.below = std::max(reach.below, number(key) - largest);
    row_keys_.push_back(seen);
    adds_nothing_.push_back(zeros);
    reach.keys = std::max(reach.keys, seen);
  }
  reach.keys = std::min(keys_, (reach.keys + kKeyStep - 1) / kKeyStep * kKeyStep);
  return reach;
}

// A score out of sight is at most bound + m, the largest of its row at least -bound + m', where
// m - m' is at most `below`. Rounding the factors to bf16 and the results to fp16 moves each by
// less than 1% of the bound and 2^-11 of the mask.
Sight AttentionSight::Of(size_t block, float bound) const {
  if (reach_.empty()) return {keys_, false};
  const Reach& reach = reach_[block];
  const bool vanishes = bound < kMostBound && kSlack * bound + reach.below < kVanishes;
  return vanishes ? Sight{reach.keys, true} : Sight{keys_, false};
}

bool AttentionSight::AddsNothing(const QueryBlock& block, const Sight& sight) const {
  if (!mask_) return true;
  if (!sight.by_row) return false;
  const auto from = adds_nothing_.begin() + block.first;
  return std::all_of(from, from + block.count, [](bool zeros) { return zeros; });
}

float ScoreBound(const ConstMatrix& query, const ConstMatrix& key, const ScoreSteps& steps,
                 float enough) {
  const float scale = std::max(1.0f, std::fabs(steps.scale.value_or(1)));
  return scale * ProductBound(query, key, enough / scale);
}

}  // namespace ane::engine
