#include "engine/probability_rows.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "engine/strided.h"
#include "kernels/vec.h"

namespace ane::engine {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr int64_t kMaskBlock = 512;

}  // namespace

ProbabilityRows::ProbabilityRows(const View& query, const View& key, ScoreSteps steps,
                                 const Shape& batch)
    : query_(query, batch),
      key_(key, batch),
      steps_(std::move(steps)),
      sight_(steps_, batch, rows(), keys(), AllBlocks()) {}

std::vector<QueryBlock> ProbabilityRows::AllBlocks() const {
  std::vector<QueryBlock> all;
  for (int64_t block = 0; block < blocks(); ++block) all.push_back({block * kBlock, RowsOf(block)});
  return all;
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
      const int64_t own = sight_.KeysOf(first + i, sight);
      float largest = vec.scale_max(row, scale, steps_.round, own);
      if (!sight_.AddsNothing({first + i, 1}, sight))
        largest = AddMask(row, sight_.mask()->ConstAt(context, item), first + i, own);
      const float sum = vec.exp_sum(row, largest, own);
      (steps_.round ? vec.rounded : vec).mul_scalar(row, row, 1 / sum, own);
      std::fill(row + own, row + sight.keys, 0.0f);
    }
  };
  context.pool.ParallelFor(rows, 8, std::ref(body));
}

}  // namespace ane::engine
