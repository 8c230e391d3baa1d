// Rows of pooling.
#include <cmath>
#include <functional>

#include "engine/conv_geometry.h"
#include "engine/elements.h"
#include "engine/elementwise.h"
#include "engine/lowering.h"
#include "engine/op_row.h"

namespace ane::engine {
namespace {

Shape KernelOf(const OpCall& call) {
  const Shape& x = call.ShapeOf("x");
  call.Check(x.size() >= 3 && x.size() <= 5, "x", "1 to 3 spatial dimensions", ShapeText(x));
  const Shape kernel = call.Ints("kernel_sizes");
  bool fits = kernel.size() == x.size() - 2;
  for (int64_t size : kernel) fits = fits && size > 0 && size <= INT32_MAX;
  call.Check(fits, "kernel_sizes", std::to_string(x.size() - 2) + " positive numbers",
             ShapeText(kernel));
  return kernel;
}

ConvGeometry Geometry(const OpCall& call) {
  const Shape kernel = KernelOf(call);
  ConvGeometry geometry = ReadGeometry(call, kernel);
  if (!call.Bool("ceil_mode", false)) return geometry;
  for (size_t i = 0; i < kernel.size(); ++i) {
    const int64_t size = call.ShapeOf("x")[i + 2], stride = geometry.stride[i];
    const int64_t room = size + geometry.before[i] + geometry.after[i] - kernel[i];
    int64_t out = (room + stride - 1) / stride + 1;
    // A window that would start in the padding after x is dropped.
    if ((out - 1) * stride >= size + geometry.before[i]) --out;
    geometry.out[i] = out;
  }
  return geometry;
}

std::vector<TensorType> Infer(const OpCall& call) {
  const ConvGeometry geometry = Geometry(call);
  TensorType type = call.Type("x");
  for (size_t i = 0; i < geometry.out.size(); ++i) type.shape[i + 2] = geometry.out[i];
  return {type};
}

enum class Pool { kMax, kAverage, kL2 };

template <Pool pool>
void Lower(const OpCall& call, Lowering& lowering) {
  const View x = lowering.In(call.Id("x")), out = lowering.Out(call.Result());
  const ConvGeometry geometry = Geometry(call);
  const Shape kernel = KernelOf(call), order = DenseStrides(out.shape), taps = DenseStrides(kernel);
  const int64_t count = ElementCount(kernel);
  const bool exclude = call.Bool("exclude_padding_from_average", false);
  lowering.Emit({x, out}, [=](const RunContext& context) -> const char* {
    const auto body = [&](int64_t begin, int64_t end) {
      for (int64_t flat = begin; flat < end; ++flat) {
        int64_t base = 0, to = 0;
        for (size_t i = 0; i < out.rank(); ++i) {
          const int64_t at = flat / order[i] % out.shape[i];
          to += at * out.strides[i];
          if (i < 2) base += at * x.strides[i];
        }
        double sum = pool == Pool::kMax ? -INFINITY : 0;
        // Padding belongs to the window, what ceil_mode adds behind it does not.
        int64_t inside = 0, whole = 0;
        for (int64_t tap = 0; tap < count; ++tap) {
          int64_t from = base;
          bool valid = true, counted = true;
          for (size_t i = 0; i < kernel.size(); ++i) {
            const int64_t at = flat / order[i + 2] % out.shape[i + 2] * geometry.stride[i] +
                               tap / taps[i] % kernel[i] - geometry.before[i];
            valid = valid && at >= 0 && at < x.shape[i + 2];
            counted = counted && at < x.shape[i + 2] + geometry.after[i];
            from += at * x.strides[i + 2];
          }
          whole += counted;
          if (!valid) continue;
          ++inside;
          const double value = LoadDouble(context.Data(x), x.dtype, from);
          if (pool == Pool::kMax) {
            sum = ApplyScalar(Elementwise::kMaximum, sum, value, 0, {});
          } else {
            sum += pool == Pool::kL2 ? value * value : value;
          }
        }
        if (pool == Pool::kAverage) sum /= double(exclude ? inside : whole);
        if (pool == Pool::kL2) sum = std::sqrt(sum);
        StoreDouble(context.Data(out), out.dtype, to, sum);
      }
    };
    context.pool.ParallelFor(out.count(), 256, std::ref(body));
    return nullptr;
  });
}

constexpr OpRow kRows[] = {
    {"max_pool", "x kernel_sizes strides? pad_type pad? ceil_mode?", Infer, Lower<Pool::kMax>},
    {"avg_pool", "x kernel_sizes strides? pad_type pad? ceil_mode? exclude_padding_from_average?",
     Infer, Lower<Pool::kAverage>},
    {"l2_pool", "x kernel_sizes strides? pad_type pad? ceil_mode?", Infer, Lower<Pool::kL2>},
};

}  // namespace

std::span<const OpRow> PoolRows() { return kRows; }

}  // namespace ane::engine
