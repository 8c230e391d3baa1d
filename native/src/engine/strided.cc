#include "engine/strided.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "base/fp16.h"
#include "kernels/vec.h"

namespace ane::engine {
namespace {

constexpr int64_t kGather = 256;  // elements collected before a vector conversion

}  // namespace

LoopNest Collapse(const std::vector<View>& views, size_t leading) {
  const View& lead = views[leading];
  std::vector<size_t> order;
  for (size_t i = 0; i < lead.rank(); ++i) {
    if (lead.shape[i] != 1) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::abs(lead.strides[a]) > std::abs(lead.strides[b]);
  });
  LoopNest nest;
  nest.strides.resize(views.size());
  for (size_t dim : order) {
    bool merge = !nest.shape.empty();
    for (size_t v = 0; merge && v < views.size(); ++v) {
      merge = nest.strides[v].back() == views[v].strides[dim] * lead.shape[dim];
    }
    if (merge) {
      nest.shape.back() *= lead.shape[dim];
      for (size_t v = 0; v < views.size(); ++v) nest.strides[v].back() = views[v].strides[dim];
    } else {
      nest.shape.push_back(lead.shape[dim]);
      for (size_t v = 0; v < views.size(); ++v) nest.strides[v].push_back(views[v].strides[dim]);
    }
  }
  if (nest.shape.empty()) {
    nest.shape.push_back(1);
    for (Shape& strides : nest.strides) strides.push_back(1);
  }
  return nest;
}

RowCursor::RowCursor(const Shape& shape, const Shape& strides, int64_t flat)
    : shape_(shape),
      strides_(strides),
      inner_(std::max<int64_t>(shape.back(), 1)),
      column_(flat % inner_),
      offset_(0) {
  int64_t row = flat / inner_;
  offset_ = column_ * strides.back();
  for (size_t i = shape.size() - 1; i-- > 0;) {
    const int64_t size = std::max<int64_t>(shape[i], 1);
    index_[i] = row % size;
    row /= size;
    offset_ += index_[i] * strides[i];
  }
}

void RowCursor::Advance(int64_t count) {
  column_ += count;
  offset_ += count * strides_.back();
  if (column_ < inner_) return;
  offset_ -= column_ * strides_.back();
  column_ = 0;
  for (size_t i = shape_.size() - 1; i-- > 0;) {
    offset_ += strides_[i];
    if (++index_[i] < shape_[i]) return;
    offset_ -= index_[i] * strides_[i];
    index_[i] = 0;
  }
}

void LoadRun(float* out, const void* data, Dtype dtype, int64_t offset, int64_t stride, int64_t n) {
  if (dtype == Dtype::kFp16) {
    const uint16_t* in = static_cast<const uint16_t*>(data) + offset;
    if (stride == 1) return Vec().fp16_to_fp32(out, in, n);
    if (stride == 0) {
      std::fill(out, out + n, Fp16ToFp32(*in));
      return;
    }
    uint16_t bits[kGather];
    for (int64_t done = 0; done < n; done += kGather) {
      const int64_t part = std::min(kGather, n - done);
      for (int64_t i = 0; i < part; ++i) bits[i] = in[(done + i) * stride];
      Vec().fp16_to_fp32(out + done, bits, part);
    }
  } else if (dtype == Dtype::kFp32) {
    const float* in = static_cast<const float*>(data) + offset;
    if (stride == 1) {
      std::copy(in, in + n, out);
    } else {
      for (int64_t i = 0; i < n; ++i) out[i] = in[i * stride];
    }
  } else {
    const uint8_t* in = static_cast<const uint8_t*>(data) + offset;
    for (int64_t i = 0; i < n; ++i) out[i] = in[i * stride] != 0;
  }
}

void StoreRun(const float* in, void* data, Dtype dtype, int64_t offset, int64_t stride, int64_t n) {
  if (dtype == Dtype::kFp16) {
    uint16_t* out = static_cast<uint16_t*>(data) + offset;
    if (stride == 1) return Vec().fp32_to_fp16(out, in, n);
    uint16_t bits[kGather];
    for (int64_t done = 0; done < n; done += kGather) {
      const int64_t part = std::min(kGather, n - done);
      Vec().fp32_to_fp16(bits, in + done, part);
      for (int64_t i = 0; i < part; ++i) out[(done + i) * stride] = bits[i];
    }
  } else if (dtype == Dtype::kFp32) {
    float* out = static_cast<float*>(data) + offset;
    for (int64_t i = 0; i < n; ++i) out[i * stride] = in[i];
  } else {
    uint8_t* out = static_cast<uint8_t*>(data) + offset;
    for (int64_t i = 0; i < n; ++i) out[i * stride] = in[i] != 0;
  }
}

}  // namespace ane::engine
