// Rows of operations that make tensors: shapes, ranges, fills, borders.
#include <cmath>
#include <functional>

#include "engine/elements.h"
#include "engine/lowering.h"
#include "engine/op_row.h"
#include "engine/padding.h"
#include "engine/slices.h"

namespace ane::engine {
namespace {

using Types = std::vector<TensorType>;

Types ShapeOp(const OpCall& call) {
  return {{Dtype::kInt32, 0, {int64_t(call.ShapeOf("x").size())}}};
}

void LowerShape(const OpCall& call, Lowering& lowering) {
  const View out = lowering.Out(call.Result());
  lowering.Emit({out}, [=, shape = call.ShapeOf("x")](const RunContext& context) -> const char* {
    const Elements to(context, out);
    for (size_t i = 0; i < shape.size(); ++i) to.Set(int64_t(i), double(shape[i]));
    return nullptr;
  });
}

Types Range(const OpCall& call) {
  const double start = call.Number("start"), end = call.Number("end"), step = call.Number("step");
  call.Check(step != 0, "step", "a number other than 0", "0");
  const double count = std::ceil((end - start) / step);
  call.Check(count == count && count <= 0x1p+30, "end", "at most 2^30 elements",
             std::to_string(count));
  return {{call.Type("start").dtype, 0, {count > 0 ? int64_t(count) : 0}}};
}

void LowerRange(const OpCall& call, Lowering& lowering) {
  const View out = lowering.Out(call.Result());
  const double start = call.Number("start"), step = call.Number("step");
  lowering.Emit({out}, [=](const RunContext& context) -> const char* {
    const Elements to(context, out);
    for (int64_t i = 0; i < to.count(); ++i) to.Set(i, start + double(i) * step);
    return nullptr;
  });
}

Types Fill(const OpCall& call) {
  Shape shape;
  if (call.Has("shape")) {
    shape = call.Ints("shape");
    for (int64_t dim : shape)
      call.Check(dim >= 0 && dim <= INT32_MAX, "shape", "dimensions", ShapeText(shape));
    call.Check(shape.size() <= size_t(kMaxRank), "shape", "at most 8 dimensions", ShapeText(shape));
  } else {
    shape = call.ShapeOf("ref_tensor");
  }
  return {{call.Has("value") ? call.Type("value").dtype : Dtype::kFp32, 0, shape}};
}

void LowerFill(const OpCall& call, Lowering& lowering) {
  const View out = lowering.Out(call.Result());
  const double value = call.Number("value", 0);
  lowering.Emit({out}, [=](const RunContext& context) -> const char* {
    const Elements to(context, out);
    for (int64_t i = 0; i < to.count(); ++i) to.Set(i, value);
    return nullptr;
  });
}

Types OneHot(const OpCall& call) {
  Shape shape = call.ShapeOf("indices");
  const int64_t size = call.Int("one_hot_vector_size");
  call.Check(size > 0 && size <= INT32_MAX, "one_hot_vector_size", "a positive number",
             std::to_string(size));
  call.Check(shape.size() < size_t(kMaxRank), "indices", "at most 7 dimensions", ShapeText(shape));
  shape.insert(shape.begin() + call.Axis(call.Int("axis", -1), shape.size() + 1, "axis"), size);
  const char* typed = call.Has("on_value") ? "on_value" : "off_value";
  return {{call.Has(typed) ? call.Type(typed).dtype : Dtype::kInt32, 0, shape}};
}

void LowerOneHot(const OpCall& call, Lowering& lowering) {
  const View indices = lowering.In(call.Id("indices")), out = lowering.Out(call.Result());
  const double on = call.Number("on_value", 1), off = call.Number("off_value", 0);
  const AxisSplit split(out.shape, size_t(call.Axis(call.Int("axis", -1), out.rank(), "axis")));
  lowering.Emit({indices, out}, [=](const RunContext& context) -> const char* {
    const Elements index(context, indices), to(context, out);
    for (int64_t b = 0; b < split.before; ++b) {
      for (int64_t c = 0; c < split.after; ++c) {
        const int64_t hot = ToInteger(index.Get(b * split.after + c));
        for (int64_t a = 0; a < split.along; ++a) to.Set(split.At(b, a, c), a == hot ? on : off);
      }
    }
    return nullptr;
  });
}

struct Border {
  std::vector<int64_t> before;
  Shape shape;
};

Border ReadBorder(const OpCall& call) {
  Border border{std::vector<int64_t>(call.ShapeOf("x").size(), 0), call.ShapeOf("x")};
  const std::vector<int64_t> pad = call.Ints("pad");
  call.Check(pad.size() % 2 == 0 && pad.size() / 2 <= border.shape.size(), "pad",
             "pairs for the last axes", std::to_string(pad.size()) + " numbers");
  const size_t first = border.shape.size() - pad.size() / 2;
  const std::string mode = call.Text("mode", "constant");
  call.Check(mode == "constant" || mode == "reflect" || mode == "replicate", "mode",
             "constant, reflect or replicate", mode);
  for (size_t i = 0; i < pad.size() / 2; ++i) {
    const int64_t before = pad[2 * i], after = pad[2 * i + 1], size = border.shape[first + i];
    const int64_t limit = mode == "constant"  ? INT32_MAX
                          : mode == "reflect" ? size - 1
                          : size > 0          ? INT32_MAX
                                              : 0;
    call.Check(before >= 0 && after >= 0 && before <= limit && after <= limit, "pad",
               "numbers from 0 to " + std::to_string(limit), ShapeText(pad));
    border.before[first + i] = before;
    border.shape[first + i] += before + after;
  }
  return border;
}

Types Pad(const OpCall& call) {
  const Dtype dtype = call.Type("x").dtype;
  const double value = call.Number("constant_val", 0);
  call.Check(IsFloat(dtype) || value == std::floor(value), "constant_val",
             "a number of " + std::string(DtypeName(dtype)), std::to_string(value));
  return {{dtype, 0, ReadBorder(call).shape}};
}

void LowerPad(const OpCall& call, Lowering& lowering) {
  const std::string mode = call.Text("mode", "constant");
  const PadMode kind = mode == "constant"  ? PadMode::kConstant
                       : mode == "reflect" ? PadMode::kReflect
                                           : PadMode::kReplicate;
  EmitPadding(lowering, lowering.In(call.Id("x")), lowering.Out(call.Result()),
              ReadBorder(call).before, kind, call.Number("constant_val", 0));
}

Types SliceUpdate(const OpCall& call) {
  const View region = SelectedRegion(call, DenseView(-1, call.Type("x").dtype, call.ShapeOf("x")));
  const std::vector<int64_t> squeeze = call.Flags("squeeze_mask", region.rank());
  Shape shape;
  for (size_t i = 0; i < region.rank(); ++i) {
    if (squeeze[i] == 0) shape.push_back(region.shape[i]);
  }
  call.Check(call.Type("update").dtype == call.Type("x").dtype && call.ShapeOf("update") == shape,
             "update", std::string(DtypeName(call.Type("x").dtype)) + " " + ShapeText(shape),
             TypeText(call.Type("update")));
  return {call.Type("x")};
}

void LowerSliceUpdate(const OpCall& call, Lowering& lowering) {
  const View out = lowering.Out(call.Result());
  lowering.EmitCopy(lowering.In(call.Id("x")), out);
  lowering.EmitCopy(lowering.In(call.Id("update")), *ViewSliceByIndex(call, out, 0));
}

Types SameAsX(const OpCall& call) {
  if (call.operation().op == "cumsum")
    call.Axis(call.Int("axis", 0), call.ShapeOf("x").size(), "axis");
  return {call.Type("x")};
}

void LowerCumsum(const OpCall& call, Lowering& lowering) {
  const View x = lowering.In(call.Id("x")), out = lowering.Out(call.Result());
  const AxisSplit split(x.shape, size_t(call.Axis(call.Int("axis", 0), x.rank(), "axis")));
  const bool exclusive = call.Bool("exclusive", false), reverse = call.Bool("reverse", false);
  lowering.Emit({x, out}, [=](const RunContext& context) -> const char* {
    const Elements from(context, x), to(context, out);
    for (int64_t b = 0; b < split.before; ++b) {
      for (int64_t c = 0; c < split.after; ++c) {
        double sum = 0;
        for (int64_t i = 0; i < split.along; ++i) {
          const int64_t at = split.At(b, reverse ? split.along - 1 - i : i, c);
          const double value = from.Get(at);
          to.Set(at, exclusive ? sum : sum + value);
          sum += value;
        }
      }
    }
    return nullptr;
  });
}

void LowerBandPart(const OpCall& call, Lowering& lowering) {
  const View x = lowering.In(call.Id("x")), out = lowering.Out(call.Result());
  call.Check(x.rank() >= 2, "x", "at least two dimensions", ShapeText(x.shape));
  const int64_t lower = call.Int("lower", -1), upper = call.Int("upper", -1);
  lowering.Emit({x, out}, [=](const RunContext& context) -> const char* {
    const Elements from(context, x), to(context, out);
    const int64_t rows = x.shape.end()[-2], columns = x.shape.back();
    for (int64_t i = 0; i < to.count(); ++i) {
      const int64_t column = i % columns, row = i / columns % rows;
      const bool keep =
          (lower < 0 || row - column <= lower) && (upper < 0 || column - row <= upper);
      to.Set(i, keep ? from.Get(i) : 0);
    }
    return nullptr;
  });
}

constexpr OpRow kRows[] = {
    {"shape", "x", ShapeOp, LowerShape},
    {"range_1d", "start end step", Range, LowerRange},
    {"fill", "shape value?", Fill, LowerFill},
    {"fill_like", "ref_tensor value?", Fill, LowerFill},
    {"one_hot", "indices one_hot_vector_size axis? on_value? off_value?", OneHot, LowerOneHot},
    {"pad", "x pad mode? constant_val?", Pad, LowerPad},
    {"slice_update", "x update begin end stride? begin_mask? end_mask? squeeze_mask?", SliceUpdate,
     LowerSliceUpdate},
    {"cumsum", "x axis? exclusive? reverse?", SameAsX, LowerCumsum},
    {"band_part", "x lower? upper?", SameAsX, LowerBandPart},
};

}  // namespace

std::span<const OpRow> GenerateRows() { return kRows; }

}  // namespace ane::engine
