// Rows of affine quantisation.
#include <cmath>
#include <functional>

#include "engine/elements.h"
#include "engine/lowering.h"
#include "engine/op_row.h"

namespace ane::engine {
namespace {

using Types = std::vector<TensorType>;

// How a scale or zero point spreads: one number, or one per position of an axis.
struct PerAxis {
  int64_t after = 1, along = 1;
  int64_t At(int64_t flat) const { return flat / after % along; }
};

PerAxis ReadPerAxis(const OpCall& call, std::string_view name, std::string_view data) {
  if (!call.Has(name) || call.ShapeOf(name).empty()) return {};
  const Shape& shape = call.ShapeOf(data);
  call.Check(call.ShapeOf(name).size() == 1, name, "a number or a vector",
             ShapeText(call.ShapeOf(name)));
  const int64_t length = call.ShapeOf(name)[0];
  if (length == 1 && !call.Has("axis")) return {};
  const size_t axis = size_t(call.Axis(call.Int("axis"), shape.size(), "axis"));
  const AxisSplit split(shape, axis);
  call.Check(length == split.along || length == 1, name, std::to_string(split.along) + " numbers",
             std::to_string(length));
  return {split.after, length};
}

// scale · (data - zero_point); the same for runtime dequantize and the constant form.
void LowerDequantize(const OpCall& call, Lowering& lowering) {
  const char* name = call.Has("input") ? "input" : "quantized_data";
  const View data = lowering.In(call.Id(name)), scale = lowering.In(call.Id("scale")),
             out = lowering.Out(call.Result());
  const bool has_zero = call.Has("zero_point");
  const View zero = has_zero ? lowering.In(call.Id("zero_point")) : scale;
  const PerAxis scale_at = ReadPerAxis(call, "scale", name),
                zero_at = ReadPerAxis(call, "zero_point", name);
  lowering.Emit({data, scale, zero, out}, [=](const RunContext& context) -> const char* {
    const Elements q(context, data), s(context, scale), z(context, zero), to(context, out);
    const auto body = [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const double point = has_zero ? z.Get(zero_at.At(i)) : 0;
        to.Set(i, s.Get(scale_at.At(i)) * (q.Get(i) - point));
      }
    };
    context.pool.ParallelFor(to.count(), 1024, std::ref(body));
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

void LowerQuantize(const OpCall& call, Lowering& lowering) {
  const View input = lowering.In(call.Id("input")), scale = lowering.In(call.Id("scale")),
             out = lowering.Out(call.Result());
  const bool has_zero = call.Has("zero_point");
  const View zero = has_zero ? lowering.In(call.Id("zero_point")) : scale;
  const PerAxis scale_at = ReadPerAxis(call, "scale", "input"),
                zero_at = ReadPerAxis(call, "zero_point", "input");
  const double low = out.dtype == Dtype::kInt8 ? -128 : 0, high = low + 255;
  lowering.Emit({input, scale, zero, out}, [=](const RunContext& context) -> const char* {
    const Elements x(context, input), s(context, scale), z(context, zero), to(context, out);
    const auto body = [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const double point = has_zero ? z.Get(zero_at.At(i)) : 0;
        // The quotient is a number of single precision, as everywhere else; halves then go to even.
        const double q = std::nearbyint(float(x.Get(i) / s.Get(scale_at.At(i)))) + point;
        to.Set(i, q < low ? low : q > high ? high : q);
      }
    };
    context.pool.ParallelFor(to.count(), 1024, std::ref(body));
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
