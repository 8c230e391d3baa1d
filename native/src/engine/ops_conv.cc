// The row of convolution. Legend: N batch, G groups, C input channels per group, M output channels
// per group, K kernel, O output positions.
#include <algorithm>
#include <functional>

#include "engine/conv_geometry.h"
#include "engine/op_row.h"
#include "engine/padding.h"
#include "engine/products.h"
#include "engine/scalar.h"

namespace ane::engine {
namespace {

std::vector<TensorType> Infer(const OpCall& call) {
  const Shape &x = call.ShapeOf("x"), &weight = call.ShapeOf("weight");
  call.Check(x.size() >= 3 && x.size() <= 5, "x", "1 to 3 spatial dimensions", ShapeText(x));
  call.Check(weight.size() == x.size(), "weight", std::to_string(x.size()) + " dimensions",
             ShapeText(weight));
  call.Check(IsFloat(call.Type("x").dtype) && IsFloat(call.Type("weight").dtype), "x",
             "fp16 or fp32", DtypeName(call.Type("x").dtype));
  const int64_t groups = call.Int("groups", 1);
  call.Check(groups > 0 && x[1] % groups == 0 && weight[0] % groups == 0, "groups",
             "a divisor of " + std::to_string(x[1]) + " and " + std::to_string(weight[0]),
             std::to_string(groups));
  call.Check(weight[1] == x[1] / groups, "weight",
             std::to_string(x[1] / groups) + " input channels per group", ShapeText(weight));
  if (call.Has("bias")) {
    const Shape& bias = call.ShapeOf("bias");
    call.Check(bias == Shape{weight[0]}, "bias", std::to_string(weight[0]) + " numbers",
               ShapeText(bias));
  }
  const ConvGeometry geometry = ReadGeometry(call, Shape(weight.begin() + 2, weight.end()));
  Shape out = {x[0], weight[0]};
  out.insert(out.end(), geometry.out.begin(), geometry.out.end());
  return {{call.Type("x").dtype, 0, out}};
}

// [N, G*C, *D] as [N, G, C, *D].
View SplitChannels(const View& view, int64_t groups) {
  Shape shape = view.shape;
  shape[1] /= groups;
  shape.insert(shape.begin() + 1, groups);
  View out = view;
  out.shape = shape;
  out.strides.insert(out.strides.begin() + 1, view.strides[1] * shape[2]);
  return out;
}

// [N, G, C, O...] as [N, G, O..., C, last O], or with all positions merged where strides allow.
View AsMatrices(const View& view, bool merged) {
  if (merged) {
    Shape shape(view.shape.begin(), view.shape.begin() + 3);
    shape.push_back(view.count() == 0 ? 0 : ElementCount(view.shape, 3, view.rank()));
    return *Reshaped(view, shape);
  }
  std::vector<int> perm = {0, 1};
  for (size_t i = 3; i + 1 < view.rank(); ++i) perm.push_back(int(i));
  perm.push_back(2);
  perm.push_back(int(view.rank()) - 1);
  return Transposed(view, perm);
}

bool Mergeable(const View& view) {
  Shape shape(view.shape.begin(), view.shape.begin() + 3);
  shape.push_back(ElementCount(view.shape, 3, view.rank()));
  return Reshaped(view, shape).has_value();
}

// Adds one term of the convolution: the weights [M, R] and the input windows [N, G, R, O...] along
// one contracted axis R, everything else fixed.
void EmitTerm(Lowering& lowering, View weight, View window, const View& sum, bool accumulate) {
  const bool merged = Mergeable(window) && Mergeable(sum);
  const View y = AsMatrices(window, merged), out = AsMatrices(sum, merged);
  View x = weight;  // [G, M, R] with dimensions of size 1 for the merged or outer positions
  while (x.rank() + 1 < out.rank()) {
    x.shape.insert(x.shape.begin() + 1, 1);
    x.strides.insert(x.strides.begin() + 1, 0);
  }
  EmitProduct(lowering, x, y, out, accumulate);
}

void Lower(const OpCall& call, Lowering& lowering) {
  View x = lowering.In(call.Id("x"));
  const View weight = lowering.In(call.Id("weight")), out = lowering.Out(call.Result());
  const size_t spatial = x.rank() - 2;
  const ConvGeometry geometry =
      ReadGeometry(call, Shape(weight.shape.begin() + 2, weight.shape.end()));
  if (out.count() == 0) return;
  if (geometry.padded()) {
    Shape shape = x.shape;
    std::vector<int64_t> before(x.rank(), 0);
    for (size_t i = 0; i < spatial; ++i) {
      shape[i + 2] += geometry.before[i] + geometry.after[i];
      before[i + 2] = geometry.before[i];
    }
    const View padded = lowering.Temp(x.dtype, shape);
    EmitPadding(lowering, x, padded, before, PadMode::kConstant, 0);
    x = padded;
  }
  const int64_t groups = call.Int("groups", 1);
  const View input = SplitChannels(x, groups);
  View kernel = weight;  // [G, M, C, K...]
  kernel.shape.insert(kernel.shape.begin(), groups);
  kernel.shape[1] /= groups;
  kernel.strides.insert(kernel.strides.begin(), weight.strides[0] * kernel.shape[1]);

  // Contracted axes are C and the kernel's; the longest runs inside the product, the others are
  // terms of the sum.
  size_t inner = 2;
  for (size_t i = 3; i < kernel.rank(); ++i) {
    if (kernel.shape[i] > kernel.shape[inner]) inner = i;
  }
  Shape terms(kernel.shape.begin() + 2, kernel.shape.end());
  terms[inner - 2] = 1;
  const int64_t count = ElementCount(terms);
  const bool direct = count == 1 && !call.Has("bias");
  const View sum = direct ? out : lowering.Temp(Dtype::kFp32, out.shape);
  const View target = SplitChannels(sum, groups);
  const Shape dense = DenseStrides(terms);
  for (int64_t term = 0; term < count; ++term) {
    View w = kernel, window = input;
    for (size_t i = 0; i < spatial; ++i) {
      window.shape[i + 3] = geometry.out[i];
      window.strides[i + 3] = input.strides[i + 3] * geometry.stride[i];
    }
    for (size_t i = 0; i < terms.size(); ++i) {
      if (i + 2 == inner) continue;
      const int64_t at = term / dense[i] % terms[i];
      w.offset += at * kernel.strides[i + 2];
      window.offset +=
          i == 0 ? at * input.strides[2] : at * geometry.dilation[i - 1] * input.strides[i + 2];
    }
    window.shape[2] = kernel.shape[inner];
    if (inner > 2) window.strides[2] = geometry.dilation[inner - 3] * input.strides[inner];
    w.shape = {groups, kernel.shape[1], kernel.shape[inner]};
    w.strides = {kernel.strides[0], kernel.strides[1], kernel.strides[inner]};
    EmitTerm(lowering, w, window, target, term > 0);
  }
  if (direct) return;
  if (!call.Has("bias")) return EmitBias(lowering, sum, nullptr, out);
  View bias = lowering.In(call.Id("bias"));
  for (size_t i = 0; i < spatial; ++i) {
    bias.shape.push_back(1);
    bias.strides.push_back(0);
  }
  EmitBias(lowering, sum, &bias, out);
}

constexpr OpRow kRows[] = {
    {"conv", "x weight bias? strides? pad_type? pad? dilations? groups?", Infer, Lower}};

}  // namespace

std::span<const OpRow> ConvRows() { return kRows; }

}  // namespace ane::engine
