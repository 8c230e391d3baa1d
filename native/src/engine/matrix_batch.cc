#include "engine/matrix_batch.h"

#include <algorithm>
#include <limits>

#include "base/fp16.h"

namespace ane::engine {
namespace {

// Bits without the sign, as signed numbers that every processor compares, grow with the magnitude;
// infinity is above all numbers and NaN above infinity.
template <typename Bits>
Bits LargestBits(const ConstMatrix& m, Bits magnitude) {
  const bool by_rows = m.col_stride == 1;
  const int64_t outer = by_rows ? m.rows : m.cols, inner = by_rows ? m.cols : m.rows;
  const int64_t outer_step = by_rows ? m.row_stride : m.col_stride;
  const int64_t step = by_rows ? m.col_stride : m.row_stride;
  Bits largest = 0;
  for (int64_t i = 0; i < outer; ++i) {
    const Bits* line = static_cast<const Bits*>(m.data) + i * outer_step;
    if (step == 1) {
      for (int64_t j = 0; j < inner; ++j) largest = std::max(largest, Bits(line[j] & magnitude));
    } else {
      for (int64_t j = 0; j < inner; ++j)
        largest = std::max(largest, Bits(line[j * step] & magnitude));
    }
  }
  return largest;
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
  const float largest = m.dtype == Dtype::kFp16
                            ? Fp16ToFp32(uint16_t(LargestBits<int16_t>(m, 0x7fff)))
                            : __builtin_bit_cast(float, LargestBits<int32_t>(m, 0x7fffffff));
  return largest == largest ? largest : std::numeric_limits<float>::infinity();
}

}  // namespace ane::engine
