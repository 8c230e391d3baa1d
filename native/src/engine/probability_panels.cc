#include "engine/probability_panels.h"

#include <algorithm>

#include "kernels/gemm_kernels.h"
#include "kernels/gemm_panels.h"
#include "kernels/matrix_vector_kernel.h"
#include "kernels/vec.h"

namespace ane::engine {
namespace {

std::vector<QueryBlock> CutIntoPanels(const GemmMicrokernel& kernel, int64_t queries) {
  std::vector<QueryBlock> panels;
  const int64_t block = BlockOfK(queries, kernel.depth);
  for (int64_t first = 0; first < queries;) {
    const int64_t end = std::min((first / block + 1) * block, queries);
    const int64_t count = std::min<int64_t>(kernel.columns, end - first);
    panels.push_back({first, count});
    first += count;
  }
  return panels;
}

}  // namespace

bool ProbabilityPanels::Suit(int64_t queries, int64_t keys, int64_t size, int64_t value_size) {
  return std::min({queries, keys, size, value_size}) > kMaxColumns &&
         std::max(size, value_size) <= kBlockWords;
}

ProbabilityPanels::ProbabilityPanels(const View& query, const View& key, ScoreSteps steps,
                                     const Shape& batch)
    : kernel_(GemmKernel(steps.arithmetic)),
      query_(query, batch),
      key_(key, batch),
      steps_(std::move(steps)),
      panels_(CutIntoPanels(kernel_, query_.rows())),
      lines_(CeilDivide(keys(), kernel_.rows) * kernel_.rows),
      packed_key_(kernel_, keys(), key_.columns(), kernel_.rows),
      packed_query_(kernel_, kernel_.columns, query_.columns(), kernel_.columns),
      sight_(steps_, batch, query_.rows(), keys(), panels_) {}

void ProbabilityPanels::PackKey(const RunContext& context, int64_t item, float* to) const {
  packed_key_.Pack(key_.ConstAt(context, item), to);
}

int64_t ProbabilityPanels::work_floats() const {
  return packed_query_.floats() + (steps_.mask ? keys() * kernel_.columns : 0);
}

ProbabilityPanels::Counts ProbabilityPanels::CountsOf(size_t panel, const Sight& sight) const {
  Counts counts = {};
  for (int64_t i = 0; i < panels_[panel].count; ++i)
    counts.keys[i] = int32_t(sight_.KeysOf(panels_[panel].first + i, sight));
  return counts;
}

void ProbabilityPanels::PackMask(const RunContext& context, int64_t item, const QueryBlock& block,
                                 int64_t keys, float* to) const {
  const ConstMatrix mask = Rows(sight_.mask()->ConstAt(context, item), block.first, block.count);
  const GemmMicrokernel& numbers = *Vec().gemm;
  if (mask.dtype == Dtype::kFp16) {
    numbers.pack_fp16(to, kernel_.columns, static_cast<const uint16_t*>(mask.data), keys,
                      int(block.count), mask.col_stride, mask.row_stride);
  } else {
    numbers.pack_fp32(to, kernel_.columns, static_cast<const float*>(mask.data), keys,
                      int(block.count), mask.col_stride, mask.row_stride);
  }
}

void ProbabilityPanels::Compute(const RunContext& context, int64_t item, size_t panel,
                                const Sight& sight, int64_t filled, const float* packed_key,
                                float* work, float* probabilities) const {
  const QueryBlock& block = panels_[panel];
  packed_query_.Pack(Rows(query_.ConstAt(context, item), block.first, block.count), work);
  FillPanel(packed_key_, packed_key, work, sight.keys, probabilities);
  float* mask = nullptr;
  if (!sight_.AddsNothing(block, sight)) {
    mask = work + packed_query_.floats();
    PackMask(context, item, block, sight.keys, mask);
  }
  kernel_.attention.softmax(probabilities, filled, CountsOf(panel, sight).keys,
                            {steps_.scale.value_or(1), steps_.round, mask});
}

void ProbabilityPanels::Gradient(size_t panel, const Sight& sight, int64_t filled,
                                 const float* probabilities, float* change) const {
  kernel_.attention.gradient(change, probabilities, filled, CountsOf(panel, sight).keys,
                             {steps_.scale.value_or(1), steps_.round, nullptr});
}

}  // namespace ane::engine
