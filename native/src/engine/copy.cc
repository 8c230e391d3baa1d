#include "engine/copy.h"

#include <algorithm>
#include <cstring>
#include <functional>

namespace ane::engine {
namespace {

constexpr int64_t kChunk = 4096;  // elements per parallel piece
constexpr int64_t kTile = 32;

}  // namespace

Copy::Copy(const View& from, const View& to)
    : from_(from), to_(to), nest_(Collapse({to, from})), count_(to.count()) {
  const Shape& strides = nest_.strides[1];
  const size_t last = nest_.shape.size() - 1;
  if (strides[last] == 1 || nest_.shape[last] < 8) return;
  for (size_t i = 0; i < last; ++i) {
    if (strides[i] == 1 && nest_.shape[i] >= 8) tiled_dim_ = int(i);
  }
  if (tiled_dim_ < 0) return;
  for (size_t i = 0; i < last; ++i) {
    if (int(i) == tiled_dim_) continue;
    outer_shape_.push_back(nest_.shape[i]);
    outer_to_.push_back(nest_.strides[0][i]);
    outer_from_.push_back(strides[i]);
  }
  outer_shape_.push_back((nest_.shape[size_t(tiled_dim_)] + kTile - 1) / kTile);
  outer_to_.push_back(kTile * nest_.strides[0][size_t(tiled_dim_)]);
  outer_from_.push_back(kTile);
}

template <typename T>
void Copy::Rows(T* to, const T* from, int64_t begin, int64_t end) const {
  const int64_t to_step = nest_.strides[0].back(), from_step = nest_.strides[1].back();
  RowCursor out(nest_.shape, nest_.strides[0], begin), in(nest_.shape, nest_.strides[1], begin);
  while (begin < end) {
    const int64_t n = std::min(end - begin, out.left_in_row());
    T* target = to + out.offset();
    const T* source = from + in.offset();
    if (to_step == 1 && from_step == 1) {
      std::memcpy(target, source, size_t(n) * sizeof(T));
    } else {
      for (int64_t i = 0; i < n; ++i) target[i * to_step] = source[i * from_step];
    }
    out.Advance(n);
    in.Advance(n);
    begin += n;
  }
}

template <typename T>
void Copy::Tiles(T* to, const T* from, int64_t begin, int64_t end) const {
  const int64_t rows = nest_.shape[size_t(tiled_dim_)], columns = nest_.shape.back();
  const int64_t to_row = nest_.strides[0][size_t(tiled_dim_)], to_column = nest_.strides[0].back();
  const int64_t from_column = nest_.strides[1].back(), tiles = outer_shape_.back();
  for (int64_t item = begin; item < end; ++item) {
    RowCursor out(outer_shape_, outer_to_, item), in(outer_shape_, outer_from_, item);
    const int64_t n = std::min(kTile, rows - item % tiles * kTile);
    for (int64_t first = 0; first < columns; first += kTile) {
      const int64_t last = std::min(columns, first + kTile);
      for (int64_t r = 0; r < n; ++r) {
        T* target = to + out.offset() + r * to_row;
        const T* source = from + in.offset() + r;
        for (int64_t c = first; c < last; ++c) target[c * to_column] = source[c * from_column];
      }
    }
  }
}

template <typename T>
void Copy::RunTyped(const RunContext& context, int64_t shift) const {
  T* to = context.Data<T>(to_);
  const T* from = context.Data<T>(from_) + shift;
  if (tiled_dim_ >= 0) {
    const auto body = [&](int64_t begin, int64_t end) { Tiles(to, from, begin, end); };
    context.pool.ParallelFor(ElementCount(outer_shape_),
                             std::max<int64_t>(1, kChunk / (kTile * nest_.shape.back())),
                             std::ref(body));
    return;
  }
  const auto body = [&](int64_t begin, int64_t end) {
    Rows(to, from, begin * kChunk, std::min(end * kChunk, count_));
  };
  context.pool.ParallelFor((count_ + kChunk - 1) / kChunk, 4, std::ref(body));
}

void Copy::Run(const RunContext& context, int64_t shift) const {
  switch (SizeOf(to_.dtype)) {
    case 1: return RunTyped<uint8_t>(context, shift);
    case 2: return RunTyped<uint16_t>(context, shift);
    case 4: return RunTyped<uint32_t>(context, shift);
    case 8: return RunTyped<uint64_t>(context, shift);
    default: return;
  }
}

}  // namespace ane::engine
