#include "engine/conv_geometry.h"

namespace ane::engine {
namespace {

constexpr int64_t kMaxPad = int64_t(1) << 31;

std::vector<int64_t> Positive(const OpCall& call, std::string_view name, size_t count) {
  std::vector<int64_t> numbers = call.Ints(name, std::vector<int64_t>(count, 1));
  call.Check(numbers.size() == count, name, std::to_string(count) + " numbers",
             std::to_string(numbers.size()));
  for (int64_t n : numbers)
    call.Check(n > 0 && n <= INT32_MAX, name, "positive numbers", std::to_string(n));
  return numbers;
}

}  // namespace

ConvGeometry ReadGeometry(const OpCall& call, const Shape& kernel) {
  const Shape& x = call.ShapeOf("x");
  const size_t n = x.size() - 2;
  ConvGeometry geometry{Positive(call, "strides", n), Positive(call, "dilations", n), Shape(n, 0),
                        Shape(n, 0), Shape(n)};
  const std::string type = call.Text("pad_type", "valid");
  call.Check(type == "valid" || type == "custom" || type == "same" || type == "same_lower",
             "pad_type", "valid, custom, same or same_lower", type);
  if (type == "custom") {
    const std::vector<int64_t> pad = call.Ints("pad", std::vector<int64_t>(2 * n, 0));
    call.Check(pad.size() == 2 * n, "pad", std::to_string(2 * n) + " numbers",
               std::to_string(pad.size()));
    for (size_t i = 0; i < n; ++i) {
      geometry.before[i] = pad[2 * i];
      geometry.after[i] = pad[2 * i + 1];
      call.Check(pad[2 * i] >= 0 && pad[2 * i + 1] >= 0 && pad[2 * i] + pad[2 * i + 1] < kMaxPad,
                 "pad", "numbers from 0", ShapeText(pad));
    }
  }
  for (size_t i = 0; i < n; ++i) {
    const int64_t size = x[i + 2], stride = geometry.stride[i],
                  reach = (kernel[i] - 1) * geometry.dilation[i] + 1;
    if (type == "same" || type == "same_lower") {
      const int64_t out = (size + stride - 1) / stride;
      const int64_t total = std::max<int64_t>(0, stride * (out - 1) + reach - size);
      geometry.before[i] = type == "same" ? total / 2 : total - total / 2;
      geometry.after[i] = total - geometry.before[i];
    }
    const int64_t room = size + geometry.before[i] + geometry.after[i] - reach;
    call.Check(room >= 0, "x", "at least " + std::to_string(reach) + " positions for the kernel",
               ShapeText(x));
    geometry.out[i] = room / stride + 1;
  }
  return geometry;
}

}  // namespace ane::engine
