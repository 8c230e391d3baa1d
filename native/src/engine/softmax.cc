#include "engine/softmax.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "kernels/vec.h"

namespace ane::engine {
namespace {

constexpr int64_t kRow = 4096;     // a row up to this length is held as a whole
constexpr int64_t kColumns = 128;  // columns side by side
constexpr int64_t kWork = 4096;    // elements worth a thread's while

}  // namespace

Softmax::Softmax(const View& x, const View& out, int axis)
    : x_(x),
      out_(out),
      kept_(Collapse({WithoutAxis(x, axis), WithoutAxis(out, axis)})),
      length_(x.shape[size_t(axis)]),
      x_step_(x.strides[size_t(axis)]),
      out_step_(out.strides[size_t(axis)]),
      kept_count_(ElementCount(kept_.shape)),
      columns_(x_step_ != 1 && kept_.strides[0].back() == 1 && kept_.shape.back() >= 8) {}

void Softmax::Run(const RunContext& context) const {
  if (length_ == 0) return;
  const int64_t grain = std::max<int64_t>(1, kWork / length_);
  if (columns_) {
    const int64_t blocks = (kept_.shape.back() + kColumns - 1) / kColumns;
    const auto body = [&](int64_t begin, int64_t end) { Columns(context, begin, end); };
    context.pool.ParallelFor(kept_count_ / kept_.shape.back() * blocks,
                             std::max<int64_t>(1, grain / kColumns), std::ref(body));
  } else {
    const auto body = [&](int64_t begin, int64_t end) { Rows(context, begin, end); };
    context.pool.ParallelFor(kept_count_, grain, std::ref(body));
  }
}

void Softmax::Rows(const RunContext& context, int64_t begin, int64_t end) const {
  const VecTable& vec = Vec();
  alignas(64) float row[kRow];
  RowCursor from(kept_.shape, kept_.strides[0], begin), to(kept_.shape, kept_.strides[1], begin);
  for (int64_t i = begin; i < end; ++i) {
    if (length_ > kRow) {
      LongRow(context, from.offset(), to.offset());
    } else {
      LoadRun(row, context.Data(x_), x_.dtype, from.offset(), x_step_, length_);
      vec.add_scalar(row, row, -vec.reduce_max(row, length_), length_);
      vec.exp(row, row, length_);
      vec.mul_scalar(row, row, 1 / vec.reduce_sum(row, length_), length_);
      StoreRun(row, context.Data(out_), out_.dtype, to.offset(), out_step_, length_);
    }
    from.Advance(1);
    to.Advance(1);
  }
}

void Softmax::LongRow(const RunContext& context, int64_t from, int64_t to) const {
  const VecTable& vec = Vec();
  alignas(64) float block[kRow];
  float largest = -std::numeric_limits<float>::infinity();
  double sum = 0;
  for (int pass = 0; pass < 3; ++pass) {
    for (int64_t at = 0; at < length_; at += kRow) {
      const int64_t n = std::min(kRow, length_ - at);
      LoadRun(block, context.Data(x_), x_.dtype, from + at * x_step_, x_step_, n);
      if (pass == 0) {
        const float part = vec.reduce_max(block, n);
        vec.maximum(&largest, &largest, &part, 1);
        continue;
      }
      vec.add_scalar(block, block, -largest, n);
      vec.exp(block, block, n);
      if (pass == 1) {
        sum += double(vec.reduce_sum(block, n));
        continue;
      }
      vec.mul_scalar(block, block, float(1 / sum), n);
      StoreRun(block, context.Data(out_), out_.dtype, to + at * out_step_, out_step_, n);
    }
  }
}

void Softmax::Columns(const RunContext& context, int64_t begin, int64_t end) const {
  const VecTable& vec = Vec();
  const int64_t width = kept_.shape.back(), blocks = (width + kColumns - 1) / kColumns;
  alignas(64) float largest[kColumns], sum[kColumns], row[kColumns];
  for (int64_t item = begin; item < end; ++item) {
    const int64_t first = item % blocks * kColumns, n = std::min(kColumns, width - first);
    const int64_t flat = item / blocks * width + first;
    const RowCursor from(kept_.shape, kept_.strides[0], flat),
        to(kept_.shape, kept_.strides[1], flat);
    const auto load = [&](float* target, int64_t k) {
      LoadRun(target, context.Data(x_), x_.dtype, from.offset() + k * x_step_, 1, n);
    };
    const auto exponentials = [&](int64_t k) {
      load(row, k);
      vec.sub(row, row, largest, n);
      vec.exp(row, row, n);
    };
    load(largest, 0);
    for (int64_t k = 1; k < length_; ++k) {
      load(row, k);
      vec.maximum(largest, largest, row, n);
    }
    std::fill_n(sum, n, 0.0f);
    for (int64_t k = 0; k < length_; ++k) {
      exponentials(k);
      vec.add(sum, sum, row, n);
    }
    for (int64_t k = 0; k < n; ++k) sum[k] = 1 / sum[k];
    for (int64_t k = 0; k < length_; ++k) {
      exponentials(k);
      vec.mul(row, row, sum, n);
      StoreRun(row, context.Data(out_), out_.dtype, to.offset() + k * out_step_,
               kept_.strides[1].back(), n);
    }
  }
}

}  // namespace ane::engine
