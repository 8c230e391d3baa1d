// Matrices of any type and layout, and host kernels run on them.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "base/fp16.h"
#include "check.h"
#include "host/host_kernels.h"

using ane::Dtype;
using ane::FindHostKernel;
using ane::KernelOperands;
using ane::TensorView;
using ane::ThreadPool;

namespace {

enum class Layout { kRows, kColumns, kStrided };
constexpr Layout kLayouts[] = {Layout::kRows, Layout::kColumns, Layout::kStrided};
constexpr Dtype kTypes[] = {Dtype::kFp16, Dtype::kFp32};

// A matrix that owns its memory, filled with values exact in fp16; memory starts one element off any alignment.
struct Tensor {
  std::vector<char> bytes;
  TensorView view;

  Tensor(Dtype dtype, int64_t rows, int64_t cols, Layout layout = Layout::kRows, unsigned seed = 1) {
    const int64_t row_stride = layout == Layout::kRows ? cols : layout == Layout::kColumns ? 1 : 2 * cols + 3;
    const int64_t col_stride = layout == Layout::kRows ? 1 : layout == Layout::kColumns ? rows + 2 : 2;
    const size_t size = ane::SizeOf(dtype);
    bytes.resize((rows * row_stride + cols * col_stride + 2) * size);
    view = {bytes.data() + size, dtype, rows, cols, row_stride, col_stride};
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < cols; ++c) Set(r, c, ane::Fp16ToFp32(ane::Fp32ToFp16(normal(random))));
    }
  }
  Tensor(const Tensor& other) : bytes(other.bytes), view(other.view) {
    view.data = bytes.data() + ane::SizeOf(view.dtype);
  }

  char* At(int64_t r, int64_t c) const {
    return static_cast<char*>(view.data) + (r * view.row_stride + c * view.col_stride) * ane::SizeOf(view.dtype);
  }
  void Set(int64_t r, int64_t c, double value) const {
    if (view.dtype == Dtype::kFp16) *reinterpret_cast<uint16_t*>(At(r, c)) = ane::Fp32ToFp16(static_cast<float>(value));
    if (view.dtype == Dtype::kFp32) *reinterpret_cast<float*>(At(r, c)) = static_cast<float>(value);
    if (view.dtype == Dtype::kFp64) *reinterpret_cast<double*>(At(r, c)) = value;
    if (view.dtype == Dtype::kInt32) *reinterpret_cast<int32_t*>(At(r, c)) = static_cast<int32_t>(value);
  }
  double Get(int64_t r, int64_t c) const {
    if (view.dtype == Dtype::kFp16) return ane::Fp16ToFp32(*reinterpret_cast<uint16_t*>(At(r, c)));
    if (view.dtype == Dtype::kFp32) return *reinterpret_cast<float*>(At(r, c));
    if (view.dtype == Dtype::kFp64) return *reinterpret_cast<double*>(At(r, c));
    return *reinterpret_cast<int32_t*>(At(r, c));
  }
};

inline Tensor Ids(const std::vector<int>& values) {
  Tensor ids(Dtype::kInt32, 1, static_cast<int64_t>(values.size()));
  for (size_t i = 0; i < values.size(); ++i) ids.Set(0, static_cast<int64_t>(i), values[i]);
  return ids;
}

inline ThreadPool& Pool() {
  static ThreadPool pool(2);
  return pool;
}

inline void Run(const char* name, const KernelOperands& operands) {
  const ane::HostKernel* kernel = FindHostKernel(name);
  const ane::Status status = kernel->check(operands);
  if (!status.ok()) std::printf("%s\n", status.message().c_str());
  EXPECT(status.ok());
  if (status.ok()) kernel->run(operands, {Pool(), true});
}

// Whether every element is within `tolerance` of the expected one, plus half a unit of fp16 where that is the type.
inline bool Near(const Tensor& got, double tolerance, const std::function<double(int64_t, int64_t)>& expected) {
  for (int64_t r = 0; r < got.view.rows; ++r) {
    for (int64_t c = 0; c < got.view.cols; ++c) {
      const double want = expected(r, c), have = got.Get(r, c);
      if (std::isnan(want) && std::isnan(have)) continue;
      const double rounding = got.view.dtype == Dtype::kFp16 ? std::abs(want) * 0x1p-11 + 0x1p-25 : 0;
      if (!(std::abs(want - have) <= tolerance * (1 + std::abs(want)) + rounding)) return false;
    }
  }
  return true;
}

inline std::string Message(const char* name, const KernelOperands& operands) {
  return FindHostKernel(name)->check(operands).message();
}

}  // namespace
