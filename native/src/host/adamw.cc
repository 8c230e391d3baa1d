// adamw: one update of a dense fp32 parameter, and its staged copy, in one pass over memory.
//
//   g = grad · grad_scale;  m = beta1 · m + (1 − beta1) · g;  v = beta2 · v + (1 − beta2) · g²
//   param = param · (1 − lr · weight_decay) − lr · (m / bias1) / (sqrt(v / bias2) + eps)
//
// Rows of grad whose `squares` are zero are zeros: they are neither read nor zeroed.
#include <algorithm>
#include <cstring>

#include "host/kernels.h"
#include "host/operands.h"
#include "kernels/vec.h"

namespace ane {
namespace {

Status Check(const KernelOperands& operands) {
  Status status = CheckOperands("adamw", operands,
                                {{"param", Types::kFp32, 'R', 'C'},
                                 {"grad", Types::kFp32, 'R', 'C'},
                                 {"m", Types::kFp32, 'R', 'C'},
                                 {"v", Types::kFp32, 'R', 'C'},
                                 {"hyper", Types::kFp64, 1, 8},
                                 {"squares", Types::kFp64, 1, 'R', Presence::kOptional},
                                 {"staged", Types::kFloat, 'R', 'C', Presence::kOptional}},
                                {{"decay", NumberKind::kFlag}, {"zero_grad", NumberKind::kFlag}});
  if (!status.ok()) return status;
  for (const char* name : {"param", "grad", "m", "v"}) {
    const TensorView& view = ViewOf(operands, name);
    if ((view.cols > 1 && view.col_stride != 1) || (view.rows > 1 && view.row_stride != view.cols)) {
      return InvalidArgument("Expected dense rows for " + std::string(name) + " of adamw, got strides of " +
                             std::to_string(view.row_stride) + " and " + std::to_string(view.col_stride) + ".");
    }
  }
  return {};
}

constexpr int64_t kBlock = 16384;    // elements: parameter and moments of a block fit in the second-level cache
constexpr int64_t kTurnedRows = 32;  // rows at least when the staged copy is transposed
const float kZeros[kBlock] = {};     // the gradient of a block of zero rows

void Run(const KernelOperands& operands, const HostContext& context) {
  const TensorView& param = ViewOf(operands, "param");
  const TensorView *staged = OptionalView(operands, "staged"), *squares = OptionalView(operands, "squares");
  const TensorView& hyper = ViewOf(operands, "hyper");
  float *p = static_cast<float*>(param.data), *g = static_cast<float*>(ViewOf(operands, "grad").data);
  float *m = static_cast<float*>(ViewOf(operands, "m").data), *v = static_cast<float*>(ViewOf(operands, "v").data);
  const auto number = [&](int64_t i) { return *Element<double>(hyper, 0, i); };
  const double weight_decay = NumberOf(operands, "decay") == 1 ? number(4) : 0.0;
  const AdamwNumbers numbers = {number(0), number(1), number(2), number(3), weight_decay,
                                number(5), number(6), number(7)};
  const bool zero_grad = NumberOf(operands, "zero_grad") == 1;

  const int64_t R = param.rows, C = param.cols;
  // The update itself writes fp16 rows; any other copy is made from a block while that is in the cache.
  const bool rounded = staged != nullptr && staged->dtype == Dtype::kFp16 && staged->col_stride == 1;
  const bool turned = staged != nullptr && staged->col_stride != 1;
  const int64_t cols = std::clamp(C, int64_t{1}, kBlock);
  const int64_t rows = std::clamp(R, int64_t{1}, std::max(kBlock / cols, turned ? kTurnedRows : int64_t{1}));
  const int64_t across = (C + cols - 1) / cols, down = (R + rows - 1) / rows;
  // Rows lie one behind the other: as many as are alike are one run.
  const int64_t joined = cols == C && (!rounded || staged->row_stride == C) ? kBlock / cols : 1;
  const auto zero = [&](int64_t r) { return squares != nullptr && *Element<double>(*squares, 0, r) == 0; };
  const VecTable& vec = Vec();
  context.pool.ParallelFor(across * down, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t r0 = i / across * rows, c0 = i % across * cols;
      const int64_t block_rows = std::min(rows, R - r0), block_cols = std::min(cols, C - c0);
      for (int64_t r = r0, count; r < r0 + block_rows; r += count) {
        const bool zeros = zero(r);
        const int64_t most = std::min(joined, r0 + block_rows - r);
        for (count = 1; count < most && zero(r + count) == zeros;) ++count;
        const int64_t at = r * C + c0, length = count * block_cols;
        uint16_t* half = rounded ? Element<uint16_t>(*staged, r, c0) : nullptr;
        vec.adamw(p + at, zeros ? kZeros : g + at, m + at, v + at, half, length, numbers);
        if (zero_grad && !zeros) std::memset(g + at, 0, length * sizeof(float));
      }
      if (staged == nullptr || rounded) continue;
      const TensorView dense = {p, Dtype::kFp32, R, C, C, 1};
      CopyBlock(Block(dense, r0, block_rows, c0, block_cols), Block(*staged, r0, block_rows, c0, block_cols));
    }
  });
  if (!zero_grad || squares == nullptr) return;
  for (int64_t r = 0; r < R; ++r) *Element<double>(*squares, 0, r) = 0;
}

}  // namespace

const HostKernel kAdamw = {"adamw", Check, Run};

}  // namespace ane
