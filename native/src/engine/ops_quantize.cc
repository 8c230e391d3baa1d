// Rows of affine quantisation.
#include <algorithm>
#include <cstdint>
#include <functional>

#include "engine/elements.h"
#include "engine/lowering.h"
#include "engine/op_row.h"
#include "kernels/vec.h"

namespace ane::engine {
namespace {

using Types = std::vector<TensorType>;

// How a scale or zero point spreads: one number, or one per position of an axis.
struct PerAxis {
  int64_t after = 1, along = 1;
  int64_t At(int64_t flat) const { return flat / after % along; }
  // How many elements from `flat` on share a number.
  int64_t RunFrom(int64_t flat) const { return along == 1 ? INT64_MAX : after - flat % after; }
};

PerAxis ReadPerAxis(const OpCall& call, std::string_view name, std::string_view data) {
  if (!call.Has(name) || call.ShapeOf(name).empty()) return {};
  const Shape& shape = call.ShapeOf(data);
  call.Check(call.ShapeOf(name).size() == 1, name, "a number or a vector",
             ShapeText(call.ShapeOf(name)));
  const int64_t length = call.ShapeOf(name)[0];
  if (length == 1) return {};
  const size_t axis = size_t(call.Axis(call.Int("axis"), shape.size(), "axis"));
  const AxisSplit split(shape, axis);
  call.Check(length == split.along, name, std::to_string(split.along) + " numbers",
             std::to_string(length));
  return {split.after, length};
}

constexpr int64_t kRun = 1024;

// Both operations: elements one by one, or runs of dense ones that share a scale and zero point.
struct Affine {
  View from, scale, zero, to;
  bool has_zero;
  PerAxis scale_at, zero_at;

  Affine(const OpCall& call, const char* data, Lowering& lowering)
      : from(lowering.In(call.Id(data))),
        scale(lowering.In(call.Id("scale"))),
        zero(call.Has("zero_point") ? lowering.In(call.Id("zero_point")) : scale),
        to(lowering.Out(call.Result())),
        has_zero(call.Has("zero_point")),
        scale_at(ReadPerAxis(call, "scale", data)),
        zero_at(ReadPerAxis(call, "zero_point", data)) {}

  // Whether fp32 computes what double precision does: see Quantized and Dequantized.
  bool InRuns(const View& numbers, const View& codes) const {
    return IsDense(from) && IsDense(to) && !(has_zero && IsFloat(zero.dtype)) &&
           IsFloat(numbers.dtype) &&
           (codes.dtype == Dtype::kInt8 || codes.dtype == Dtype::kUint8);
  }

  // each(flat, count, scale, zero point) for runs of at most `longest` elements.
  template <typename Each>
  void Run(const RunContext& context, int64_t longest, const Each& each) const {
    const Elements s(context, scale), z(context, zero);
    const auto body = [&](int64_t begin, int64_t end) {
      for (int64_t i = begin, n; i < end; i += n) {
        n = std::min({end - i, longest, scale_at.RunFrom(i), zero_at.RunFrom(i)});
        each(i, n, s.Get(scale_at.At(i)), has_zero ? z.Get(zero_at.At(i)) : 0);
      }
    };
    context.pool.ParallelFor(to.count(), kRun, std::ref(body));
  }
};

// A product of at most 24 bits in fp16, or rounded once in fp32, as it would be in double precision.
template <typename Code>
void Dequantized(const Code* codes, int64_t n, float scale, float zero, float* out) {
  for (int64_t i = 0; i < n; ++i) out[i] = scale * (float(codes[i]) - zero);
}

// scale · (data - zero_point); the same for runtime dequantize and the constant form.
void LowerDequantize(const OpCall& call, Lowering& lowering) {
  const Affine affine(call, call.Has("input") ? "input" : "quantized_data", lowering);
  const View &from = affine.from, &to = affine.to;
  const std::vector<View> used = {from, affine.scale, affine.zero, to};
  lowering.Emit(used, [=](const RunContext& context) -> const char* {
    if (!affine.InRuns(to, from)) {
      const Elements codes(context, from), out(context, to);
      affine.Run(context, 1, [&](int64_t i, int64_t, double scale, double zero) {
        out.Set(i, scale * (codes.Get(i) - zero));
      });
      return nullptr;
    }
    affine.Run(context, kRun, [&](int64_t i, int64_t n, double scale, double zero) {
      float numbers[kRun];
      float* out = to.dtype == Dtype::kFp32 ? context.Data<float>(to) + i : numbers;
      if (from.dtype == Dtype::kInt8) {
        Dequantized(context.Data<int8_t>(from) + i, n, float(scale), float(zero), out);
      } else {
        Dequantized(context.Data<uint8_t>(from) + i, n, float(scale), float(zero), out);
      }
      if (to.dtype == Dtype::kFp16) Vec().fp32_to_fp16(context.Data<uint16_t>(to) + i, out, n);
    });
    return nullptr;
  });
}

Types Dequantize(const OpCall& call) {
  return {{call.Type("scale").dtype, 0, call.ShapeOf("input")}};
}

Types AffineDequantize(const OpCall& call) {
  return {{call.Type("scale").dtype, 0, call.ShapeOf("quantized_data")}};
}

Types Quantize(const OpCall& call) {
  const std::string name = call.Text("output_dtype", "");
  call.Check(name == "int8" || name == "uint8", "output_dtype", "int8 or uint8", name);
  return {{name == "int8" ? Dtype::kInt8 : Dtype::kUint8, 0, call.ShapeOf("input")}};
}

// The quotient is a number of single precision, as everywhere else; halves then go to even. NaN
// becomes 0.
void Quantized(const float* x, int64_t n, float scale, float zero, float low, uint8_t* out) {
  constexpr float kFar = 0x1p+20f, kWhole = 0x1.8p+23f;  // adding kWhole leaves whole numbers
  const float high = low + 255;
  for (int64_t i = 0; i < n; ++i) {
    float q = x[i] / scale;
    q = q > kFar ? kFar : q < -kFar ? -kFar : q;
    q = (q + kWhole) - kWhole + zero;
    q = q < low ? low : q > high ? high : q == q ? q : 0;
    out[i] = uint8_t(int32_t(q));
  }
}

void LowerQuantize(const OpCall& call, Lowering& lowering) {
  const Affine affine(call, "input", lowering);
  const View &from = affine.from, &to = affine.to;
  const float low = to.dtype == Dtype::kInt8 ? -128 : 0;
  const std::vector<View> used = {from, affine.scale, affine.zero, to};
  lowering.Emit(used, [=](const RunContext& context) -> const char* {
    const bool runs = affine.InRuns(from, to);
    const Elements numbers(context, from), codes(context, to);
    affine.Run(context, runs ? kRun : 1, [&](int64_t i, int64_t n, double scale, double zero) {
      float read[kRun];
      uint8_t code;
      const float* x = read;
      if (!runs) {
        read[0] = float(numbers.Get(i));
      } else if (from.dtype == Dtype::kFp16) {
        Vec().fp16_to_fp32(read, context.Data<uint16_t>(from) + i, n);
      } else {
        x = context.Data<float>(from) + i;
      }
      Quantized(x, n, float(scale), float(zero), low, runs ? context.Data<uint8_t>(to) + i : &code);
      if (!runs) codes.Set(i, to.dtype == Dtype::kInt8 ? int8_t(code) : code);
    });
    return nullptr;
  });
}

constexpr OpRow kRows[] = {
    {"quantize", "input scale zero_point? axis? output_dtype", Quantize, LowerQuantize},
    {"dequantize", "input scale zero_point? axis?", Dequantize, LowerDequantize},
    {"constexpr_affine_dequantize", "quantized_data zero_point scale axis", AffineDequantize,
     LowerDequantize},
};

}  // namespace

std::span<const OpRow> QuantizeRows() { return kRows; }

}  // namespace ane::engine
