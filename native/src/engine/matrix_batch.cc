#include "engine/matrix_batch.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/fp16.h"
#include "engine/strided.h"
#include "kernels/vec.h"

namespace ane::engine {
namespace {

// Lines along which elements are nearest to each other.
struct Lines {
  int64_t count, length, step, stride;
};
Lines LinesOf(const ConstMatrix& m) {
  if (m.col_stride == 1) return {m.rows, m.cols, m.row_stride, m.col_stride};
  return {m.cols, m.rows, m.col_stride, m.row_stride};
}

// Bits without the sign grow with the magnitude; infinity is above all numbers and NaN above
// infinity.
template <typename Bits>
Bits LargestBits(const Bits* data, const Lines& lines) {
  Bits largest = 0;
  for (int64_t i = 0; i < lines.count; ++i) {
    const Bits* line = data + i * lines.step;
    if constexpr (sizeof(Bits) == 2) {
      if (lines.stride == 1) {
        largest = std::max(largest, Vec().largest_half(line, lines.length));
        continue;
      }
    }
    for (int64_t j = 0; j < lines.length; ++j)
      largest = std::max(largest, Bits(line[j * lines.stride] & (Bits(~Bits(0)) >> 1)));
  }
  return largest;
}

constexpr int64_t kRows = 256;  // at a time

// The length of the longest row.
float LongestRow(const ConstMatrix& m) {
  const VecTable& vec = Vec();
  alignas(64) float squares[kRows], line[kRows];
  float largest = 0;
  for (int64_t first = 0; first < m.rows; first += kRows) {
    const int64_t n = std::min(kRows, m.rows - first);
    std::fill_n(squares, n, 0.0f);
    for (int64_t k = 0; k < m.cols; ++k) {
      LoadRun(line, m.data, m.dtype, first * m.row_stride + k * m.col_stride, m.row_stride, n);
      vec.mul(line, line, line, n);
      vec.add(squares, squares, line, n);
    }
    largest = std::max(largest, vec.reduce_max(squares, n));
  }
  return std::sqrt(largest);
}

}  // namespace

MatrixBatch::MatrixBatch(const View& view, const Shape& batch)
    : view_(view), batch_(batch), strides_(batch.size(), 0) {
  const size_t own = view.rank() - 2;
  for (size_t i = 0; i < own; ++i) {
    if (view.shape[i] != 1) strides_[batch.size() - own + i] = view.strides[i];
  }
  view_.shape.assign(view.shape.end() - 2, view.shape.end());
  view_.strides.assign(view.strides.end() - 2, view.strides.end());
}

bool MatrixBatch::same_for_all() const {
  return std::all_of(strides_.begin(), strides_.end(), [](int64_t step) { return step == 0; });
}

int64_t MatrixBatch::RunOfSame() const {
  int64_t run = 1;
  for (size_t i = batch_.size(); i-- > 0 && (strides_[i] == 0 || batch_[i] == 1);) run *= batch_[i];
  return run;
}

int64_t MatrixBatch::Offset(int64_t item) const {
  int64_t offset = 0;
  for (size_t i = batch_.size(); i-- > 0;) {
    offset += item % batch_[i] * strides_[i];
    item /= batch_[i];
  }
  return offset;
}

Matrix MatrixBatch::At(const RunContext& context, int64_t item) const {
  char* data = context.Data<char>(view_) + Offset(item) * int64_t(SizeOf(view_.dtype));
  return {data, view_.dtype, rows(), columns(), view_.strides[0], view_.strides[1]};
}

ConstMatrix MatrixBatch::ConstAt(const RunContext& context, int64_t item) const {
  return Constant(At(context, item));
}

ConstMatrix Rows(ConstMatrix m, int64_t first, int64_t count) {
  m.data = static_cast<const char*>(m.data) + first * m.row_stride * int64_t(SizeOf(m.dtype));
  m.rows = count;
  return m;
}

Matrix Rows(Matrix m, int64_t first, int64_t count) {
  m.data = static_cast<char*>(m.data) + first * m.row_stride * int64_t(SizeOf(m.dtype));
  m.rows = count;
  return m;
}

ConstMatrix Constant(const Matrix& m) {
  return {m.data, m.dtype, m.rows, m.cols, m.row_stride, m.col_stride};
}

float LargestMagnitude(const ConstMatrix& m) {
  const Lines lines = LinesOf(m);
  const float largest =
      m.dtype == Dtype::kFp16
          ? Fp16ToFp32(LargestBits(static_cast<const uint16_t*>(m.data), lines))
          : __builtin_bit_cast(float, LargestBits(static_cast<const uint32_t*>(m.data), lines));
  return largest == largest ? largest : std::numeric_limits<float>::infinity();
}

float ProductBound(const ConstMatrix& a, const ConstMatrix& b, float enough) {
  const float bound = float(a.cols) * LargestMagnitude(a) * LargestMagnitude(b);
  return bound <= enough || !std::isfinite(bound) ? bound : LongestRow(a) * LongestRow(b);
}

}  // namespace ane::engine
