// Moving runs of elements between strided memory and contiguous fp32 blocks.
#pragma once

#include <cstdint>
#include <vector>

#include "base/dtype.h"
#include "engine/types.h"
#include "engine/view.h"

namespace ane::engine {

// The common loops of several views of one shape: dimensions of size 1 dropped, ordered so that the
// leading view's strides fall, neighbours merged where every view allows it.
struct LoopNest {
  Shape shape;                 // at least one dimension
  std::vector<Shape> strides;  // per view
};
LoopNest Collapse(const std::vector<View>& views, size_t leading = 0);

// Steps through the rows (last dimension) of a flat range of a loop nest.
class RowCursor {
 public:
  RowCursor(const Shape& shape, const Shape& strides, int64_t flat);
  int64_t offset() const { return offset_; }  // of the current element
  int64_t left_in_row() const { return inner_ - column_; }
  void Advance(int64_t count);  // at most left_in_row()

 private:
  const Shape& shape_;
  const Shape& strides_;
  int64_t index_[2 * kMaxRank];  // tile works on twice the dimensions
  int64_t inner_, column_, offset_;
};

// Asks for the cache lines of n elements that are needed soon. Nothing is read where there is no memory.
inline void Prefetch(const void* data, Dtype dtype, int64_t offset, int64_t n) {
  constexpr int64_t kLine = 64;  // bytes
  const int64_t size = int64_t(SizeOf(dtype));
  const uintptr_t first = uintptr_t(data) + uintptr_t(offset * size);
  for (int64_t at = 0; at < n * size; at += kLine)
    __builtin_prefetch(reinterpret_cast<const void*>(first + uintptr_t(at)));
}

// n elements of fp16, fp32 or bool that lie `stride` apart, to fp32.
void LoadRun(float* out, const void* data, Dtype dtype, int64_t offset, int64_t stride, int64_t n);
// The reverse; fp16 rounds to nearest even, bool stores "not zero".
void StoreRun(const float* in, void* data, Dtype dtype, int64_t offset, int64_t stride, int64_t n);

}  // namespace ane::engine
