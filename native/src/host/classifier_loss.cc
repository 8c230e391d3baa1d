// classifier_loss: logits of S columns against the V rows of a table, their cross-entropy, and both gradients, in
// the memory that is given for logits.
//
// The table is walked in blocks of B rows. The first walk turns logits into exponentials relative to the column's largest
// so far, its shift, and keeps each column's largest logit, the sum of exponentials relative to it and the target's
// logit; the second, from the last block to the first, turns blocks of exponentials into gradients. `logits` [N · S, B]
// has room for N blocks: those that fit are kept between the walks, others are computed again. Results depend on B,
// never on N or the number of threads.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "host/gradient_norm.h"
#include "host/kernels.h"
#include "host/matrices.h"
#include "host/operands.h"
#include "kernels/vec.h"

namespace ane {
namespace {

Status Check(const KernelOperands& operands) {
  Status status = CheckOperands("classifier_loss", operands,
                                {{"in", Types::kFloat, 'C', 'S'},
                                 {"table", Types::kFloat, 'V', 'C'},
                                 {"targets", Types::kInt32, 1, 'S'},
                                 {"loss", Types::kFp64, 1, 2},
                                 {"scale", Types::kFp64, 1, 1},
                                 {"logits", Types::kFp32, '*', '*', Presence::kOne, true},
                                 {"din", Types::kFp32, 'C', 'S', Presence::kOptional},
                                 {"dtable", Types::kFp32, 'V', 'C', Presence::kOptional},
                                 {"squares", Types::kFp64, 1, 'V', Presence::kOptional}},
                                {{"accumulate", NumberKind::kFlag}});
  if (!status.ok()) return status;
  if ((OptionalView(operands, "din") == nullptr) != (OptionalView(operands, "dtable") == nullptr)) {
    return InvalidArgument("Expected both or neither of din and dtable of classifier_loss, got one.");
  }
  if (OptionalView(operands, "squares") != nullptr && OptionalView(operands, "dtable") == nullptr) {
    return InvalidArgument("Expected squares of classifier_loss with dtable only, got squares alone.");
  }
  const int64_t S = ViewOf(operands, "in").cols;
  const TensorView& logits = ViewOf(operands, "logits");
  if (logits.rows < S || logits.cols < 1) {
    return InvalidArgument("Expected at least " + std::to_string(S) + " x 1 for logits of classifier_loss, got " +
                           std::to_string(logits.rows) + " x " + std::to_string(logits.cols) + ".");
  }
  return {};
}

// What the first walk knows of one column.
struct Column {
  double sum;        // Σ e^(logit − largest)
  double at_target;  // logit
  float largest;
};

class ClassifierLoss {
 public:
  ClassifierLoss(const KernelOperands& operands, const HostContext& context)
      : context_(context),
        in_(ViewOf(operands, "in")),
        table_(ViewOf(operands, "table")),
        targets_(ViewOf(operands, "targets")),
        logits_(ViewOf(operands, "logits")),
        S_(in_.cols),
        V_(table_.rows),
        B_(std::min(logits_.cols, std::max<int64_t>(V_, 1))),
        blocks_((V_ + B_ - 1) / B_),
        slots_(S_ == 0 ? blocks_ : logits_.rows / S_),
        columns_(context.pool.Reserve<Column>(Workspace::kColumnLosses, S_)),
        shifts_(context.pool.Reserve<float>(Workspace::kColumnShifts, blocks_ * S_)) {}

  // Σ over columns with a target of −log softmax(logits)[target], in the order of the columns.
  double Loss() {
    std::fill_n(columns_, S_, Column{0, std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<float>::infinity()});
    for (int64_t b = 0; b < blocks_; ++b) {
      const TensorView block = Logits(b);
      context_.pool.ParallelFor(S_, kColumns, [&](int64_t begin, int64_t end) {
        for (int64_t s = begin; s < end; ++s) {
          if (Target(s) >= 0) Shift(b, s) = Add(columns_[s], Element<float>(block, s, 0), block.cols, Target(s) - b * B_);
        }
      });
    }
    double sum = 0;
    for (int64_t s = 0; s < S_; ++s) {
      const Column& column = columns_[s];
      if (Target(s) >= 0) sum += std::log(column.sum) + (column.largest - column.at_target);
    }
    return sum;
  }

  // din = and dtable = or += the gradients of `factor` times the loss; `squares` of the rows of dtable unless nullptr.
  void Gradients(double factor, const TensorView& din, const TensorView& dtable, const TensorView* squares,
                 bool accumulate) {
    const Arithmetic arithmetic = ArithmeticOf(context_.exact);
    if (V_ == 0) Gemm(context_.pool, Const(Block(logits_, 0, S_, 0, 0)), Const(table_), Transposed(Writable(din)));
    for (int64_t b = blocks_ - 1; b >= 0; --b) {
      const bool kept = b == blocks_ - 1 || b < slots_ - 1;
      const TensorView block = kept ? Slot(b) : Logits(b);
      context_.pool.ParallelFor(S_, kColumns, [&](int64_t begin, int64_t end) {
        for (int64_t s = begin; s < end; ++s) {
          float* row = Element<float>(block, s, 0);
          if (!kept && Target(s) >= 0) SumExponentials(row, block.cols, Shift(b, s));
          Differentiate(b, s, row, block.cols, factor);
        }
      });
      const TensorView rows = Block(table_, b * B_, block.cols, 0, table_.cols);
      const TensorView gradient = Block(dtable, b * B_, block.cols, 0, table_.cols);
      std::optional<TensorView> own;
      if (squares != nullptr) own = Block(*squares, 0, 1, b * B_, block.cols);
      GemmAndSquares(context_.pool, Transposed(Const(block)), Transposed(Const(in_)), gradient,
                     own ? &*own : nullptr, accumulate, arithmetic);
      Gemm(context_.pool, Const(block), Const(rows), Transposed(Writable(din)),
           {.accumulate = b != blocks_ - 1, .arithmetic = arithmetic});
    }
  }

 private:
  static constexpr int64_t kColumns = 8;  // a thread's share at least

  int64_t Target(int64_t s) const { return *Element<int32_t>(targets_, 0, s); }

  // [S, rows of block b]: blocks that have no memory of their own share the last.
  TensorView Slot(int64_t b) const {
    return Block(logits_, std::min(b, slots_ - 1) * S_, S_, 0, std::min(B_, V_ - b * B_));
  }

  TensorView Logits(int64_t b) const {
    const TensorView block = Slot(b), rows = Block(table_, b * B_, block.cols, 0, table_.cols);
    Gemm(context_.pool, Transposed(Const(in_)), Transposed(Const(rows)), Writable(block),
         {.arithmetic = ArithmeticOf(context_.exact)});
    return block;
  }

  // What the exponentials of block b of column s are relative to.
  float& Shift(int64_t b, int64_t s) const { return shifts_[b * S_ + s]; }

  // logits = e^(logits − shift), zeros beside a shift of −infinity; returns their sum.
  static double SumExponentials(float* logits, int64_t n, float shift) {
    if (shift == -std::numeric_limits<float>::infinity()) {
      std::fill_n(logits, n, 0.0f);
      return 0;
    }
    double sum = 0;
    for (int64_t i = 0; i < n; i += kSegment) sum += Vec().exp_sum(logits + i, shift, std::min(kSegment, n - i));
    return sum;
  }

  // Returns the shift of the exponentials that logits become.
  static float Add(Column& column, float* logits, int64_t n, int64_t target) {
    if (target >= 0 && target < n) column.at_target = logits[target];
    const float largest = Vec().reduce_max(logits, n);
    // Not `>`: NaN has to reach the sum.
    if (!(largest <= column.largest)) {
      column.sum *= std::exp(static_cast<double>(column.largest) - largest);
      column.largest = largest;
    }
    column.sum += SumExponentials(logits, n, column.largest);
    return column.largest;
  }

  // From exponentials of block b to (softmax − one at the target) · factor, zeros without a target, NaN with one outside
  // the table.
  void Differentiate(int64_t b, int64_t s, float* numbers, int64_t n, double factor) const {
    const Column& column = columns_[s];
    const int64_t target = Target(s), first = b * B_;
    if (target < 0 || target >= V_) {
      std::fill_n(numbers, n, target < 0 ? 0.0f : std::numeric_limits<float>::quiet_NaN());
      return;
    }
    const double scale = std::exp(static_cast<double>(Shift(b, s)) - column.largest) * factor / column.sum;
    Vec().mul_scalar(numbers, numbers, static_cast<float>(scale), n);
    if (target >= first && target < first + n) {
      const double probability = std::exp(column.at_target - column.largest) / column.sum;
      numbers[target - first] = static_cast<float>(probability * factor - factor);
    }
  }

  const HostContext& context_;
  const TensorView &in_, &table_, &targets_, &logits_;
  const int64_t S_, V_, B_, blocks_, slots_;
  Column* const columns_;
  float* const shifts_;  // [blocks, S]
};

// loss = [sum of losses, count of targets >= 0].
void Run(const KernelOperands& operands, const HostContext& context) {
  const TensorView &targets = ViewOf(operands, "targets"), &loss = ViewOf(operands, "loss");
  const TensorView *din = OptionalView(operands, "din"), *dtable = OptionalView(operands, "dtable");
  int64_t count = 0;
  for (int64_t s = 0; s < targets.cols; ++s) count += *Element<int32_t>(targets, 0, s) >= 0 ? 1 : 0;
  ClassifierLoss classifier(operands, context);
  *Element<double>(loss, 0, 0) = classifier.Loss();
  *Element<double>(loss, 0, 1) = static_cast<double>(count);
  if (din == nullptr) return;
  const double scale = *Element<double>(ViewOf(operands, "scale"), 0, 0);
  classifier.Gradients(scale / static_cast<double>(count), *din, *dtable, OptionalView(operands, "squares"),
                       NumberOf(operands, "accumulate") == 1);
}

}  // namespace

const HostKernel kClassifierLoss = {"classifier_loss", Check, Run};

}  // namespace ane
