#include "engine/reduction.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "engine/scalar.h"
#include "kernels/vec.h"

namespace ane::engine {
namespace {

constexpr int64_t kBlock = 1024;   // elements of a row at a time
constexpr int64_t kColumns = 128;  // columns side by side
constexpr int64_t kWork = 8192;    // elements worth a thread's while

View Subset(const View& view, const std::vector<bool>& mask, bool keep) {
  View out{view.buffer, view.dtype, view.offset, {}, {}};
  for (size_t i = 0; i < view.rank(); ++i) {
    if (mask[i] != keep) continue;
    out.shape.push_back(view.shape[i]);
    out.strides.push_back(view.strides[i]);
  }
  return out;
}

bool IsFast(ReduceKind kind) {
  return kind != ReduceKind::kProd && kind != ReduceKind::kLogSumExp &&
         kind != ReduceKind::kArgMax && kind != ReduceKind::kArgMin;
}

}  // namespace

Reduction::Reduction(ReduceKind kind, const View& x, const View& out,
                     const std::vector<bool>& reduced)
    : kind_(kind),
      x_(x),
      out_(out),
      kept_(Collapse({Subset(x, reduced, false), Subset(out, reduced, false)})),
      reduced_(Collapse({Subset(x, reduced, true)})),
      kept_count_(ElementCount(kept_.shape)),
      reduced_count_(ElementCount(reduced_.shape)),
      fast_(IsFast(kind) && IsFloat(x.dtype) && IsFloat(out.dtype) && reduced_count_ > 0),
      columns_(kept_.strides[0].back() == 1 && kept_.shape.back() >= 8 &&
               reduced_.strides[0].back() != 1) {}

const char* Reduction::Run(const RunContext& context) const {
  const int64_t grain = std::max<int64_t>(1, kWork / std::max<int64_t>(1, reduced_count_));
  if (!fast_) {
    const auto body = [&](int64_t begin, int64_t end) { Scalars(context, begin, end); };
    context.pool.ParallelFor(kept_count_, grain, std::ref(body));
  } else if (columns_) {
    const int64_t blocks = (kept_.shape.back() + kColumns - 1) / kColumns;
    const auto body = [&](int64_t begin, int64_t end) { Columns(context, begin, end); };
    context.pool.ParallelFor(kept_count_ / kept_.shape.back() * blocks,
                             std::max<int64_t>(1, grain / kColumns), std::ref(body));
  } else {
    const auto body = [&](int64_t begin, int64_t end) { Rows(context, begin, end); };
    context.pool.ParallelFor(kept_count_, grain, std::ref(body));
  }
  return nullptr;
}

float Reduction::Finish(float sum) const {
  switch (kind_) {
    case ReduceKind::kMean: return sum / float(reduced_count_);
    case ReduceKind::kL2: return std::sqrt(sum);
    case ReduceKind::kLogSum: return std::log(sum);
    default: return sum;
  }
}

void Reduction::Rows(const RunContext& context, int64_t begin, int64_t end) const {
  const VecTable& vec = Vec();
  alignas(64) float block[kBlock];
  for (int64_t i = begin; i < end; ++i) {
    const RowCursor at(kept_.shape, kept_.strides[0], i), to(kept_.shape, kept_.strides[1], i);
    RowCursor cursor(reduced_.shape, reduced_.strides[0], 0);
    double sum = 0;
    float extreme = 0;
    for (int64_t done = 0; done < reduced_count_;) {
      const int64_t n = std::min({kBlock, cursor.left_in_row(), reduced_count_ - done});
      LoadRun(block, context.Data(x_), x_.dtype, at.offset() + cursor.offset(),
              reduced_.strides[0].back(), n);
      if (kind_ == ReduceKind::kMax || kind_ == ReduceKind::kMin) {
        // The least is the largest of the negated numbers, negated.
        if (kind_ == ReduceKind::kMin) vec.mul_scalar(block, block, -1, n);
        const float part = vec.reduce_max(block, n);
        vec.maximum(&extreme, done == 0 ? &part : &extreme, &part, 1);
      } else if (kind_ == ReduceKind::kSumSquare || kind_ == ReduceKind::kL2) {
        sum += double(vec.dot(block, block, n));
      } else {
        if (kind_ == ReduceKind::kL1)
          std::transform(block, block + n, block, [](float v) { return std::fabs(v); });
        sum += double(vec.reduce_sum(block, n));
      }
      cursor.Advance(n);
      done += n;
    }
    const float result = kind_ == ReduceKind::kMax   ? extreme
                         : kind_ == ReduceKind::kMin ? -extreme
                                                     : Finish(float(sum));
    StoreRun(&result, context.Data(out_), out_.dtype, to.offset(), 1, 1);
  }
}

void Reduction::Columns(const RunContext& context, int64_t begin, int64_t end) const {
  const VecTable& vec = Vec();
  const int64_t width = kept_.shape.back(), blocks = (width + kColumns - 1) / kColumns;
  alignas(64) float sum[kColumns], row[kColumns];
  for (int64_t item = begin; item < end; ++item) {
    const int64_t first = item % blocks * kColumns, n = std::min(kColumns, width - first);
    const int64_t flat = item / blocks * width + first;
    const RowCursor at(kept_.shape, kept_.strides[0], flat),
        to(kept_.shape, kept_.strides[1], flat);
    RowCursor cursor(reduced_.shape, reduced_.strides[0], 0);
    const bool extremum = kind_ == ReduceKind::kMax || kind_ == ReduceKind::kMin;
    for (int64_t r = 0; r < reduced_count_; ++r) {
      float* target = r == 0 ? sum : row;
      LoadRun(target, context.Data(x_), x_.dtype, at.offset() + cursor.offset(), 1, n);
      if (kind_ == ReduceKind::kSumSquare || kind_ == ReduceKind::kL2)
        vec.mul(target, target, target, n);
      if (kind_ == ReduceKind::kL1)
        std::transform(target, target + n, target, [](float v) { return std::fabs(v); });
      if (r > 0)
        (!extremum                   ? vec.add
         : kind_ == ReduceKind::kMax ? vec.maximum
                                     : vec.minimum)(sum, sum, row, n);
      cursor.Advance(1);
    }
    for (int64_t k = 0; k < n; ++k) sum[k] = Finish(sum[k]);
    StoreRun(sum, context.Data(out_), out_.dtype, to.offset(), kept_.strides[1].back(), n);
  }
}

void Reduction::Scalars(const RunContext& context, int64_t begin, int64_t end) const {
  using K = ReduceKind;
  for (int64_t i = begin; i < end; ++i) {
    const RowCursor at(kept_.shape, kept_.strides[0], i), to(kept_.shape, kept_.strides[1], i);
    const auto element = [&](const RowCursor& cursor) {
      return LoadDouble(context.Data(x_), x_.dtype, at.offset() + cursor.offset());
    };
    double sum = kind_ == K::kProd ? 1 : 0, best = 0, shift = 0;
    int64_t index = 0;
    if (kind_ == K::kLogSumExp) {
      shift = -INFINITY;
      RowCursor cursor(reduced_.shape, reduced_.strides[0], 0);
      for (int64_t r = 0; r < reduced_count_; ++r, cursor.Advance(1))
        shift = std::max(shift, element(cursor));
      if (std::isinf(shift)) shift = 0;
    }
    RowCursor cursor(reduced_.shape, reduced_.strides[0], 0);
    for (int64_t r = 0; r < reduced_count_; ++r, cursor.Advance(1)) {
      const double v = element(cursor);
      const bool larger = kind_ == K::kMax || kind_ == K::kArgMax;
      if (r == 0 || (larger ? v > best : v < best)) {
        best = v;
        index = r;
      }
      switch (kind_) {
        case K::kProd: sum *= v; break;
        case K::kL1: sum += std::fabs(v); break;
        case K::kL2:
        case K::kSumSquare: sum += v * v; break;
        case K::kLogSumExp: sum += std::exp(v - shift); break;
        default: sum += v;
      }
    }
    switch (kind_) {
      case K::kMax:
      case K::kMin: sum = best; break;
      case K::kArgMax:
      case K::kArgMin: sum = double(index); break;
      case K::kMean: sum /= double(reduced_count_); break;
      case K::kL2: sum = std::sqrt(sum); break;
      case K::kLogSum: sum = std::log(sum); break;
      case K::kLogSumExp: sum = std::log(sum) + shift; break;
      default: break;
    }
    StoreDouble(context.Data(out_), out_.dtype, to.offset(), sum);
  }
}

}  // namespace ane::engine
