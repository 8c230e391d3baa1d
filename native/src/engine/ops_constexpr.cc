// Rows of compressed constants.
#include <cmath>
#include <functional>

#include "engine/elements.h"
#include "engine/lowering.h"
#include "engine/op_row.h"

namespace ane::engine {
namespace {

using Types = std::vector<TensorType>;

Shape Dims(const OpCall& call, std::string_view name) {
  Shape shape = call.Ints(name);
  double count = 1;
  for (int64_t dim : shape) {
    call.Check(dim >= 0, name, "dimensions", ShapeText(shape));
    count *= double(dim);
  }
  call.Check(shape.size() <= size_t(kMaxRank) && count <= 0x1p+36, name, "at most 2^36 elements",
             ShapeText(shape));
  return shape;
}

// ios16: `indices` are bytes packed from the low bit on and `shape` names the result; ios18: one
// index per element.
Types LutToDense(const OpCall& call) {
  const TensorType &lut = call.Type("lut"), &indices = call.Type("indices");
  if (call.Has("shape")) {
    const Shape shape = Dims(call, "shape");
    const int64_t entries = ElementCount(lut.shape);
    int64_t bits = 0;
    while ((int64_t(1) << bits) < entries) ++bits;
    call.Check(bits <= 8 && entries == int64_t(1) << bits, "lut", "2, 4, 16, 64 or 256 entries",
               std::to_string(entries));
    call.Check(indices.dtype == Dtype::kUint8 &&
                   ElementCount(indices.shape) == (ElementCount(shape) * bits + 7) / 8,
               "indices", "bytes of " + std::to_string(bits) + " bits for " + ShapeText(shape),
               ShapeText(indices.shape));
    return {{lut.dtype, 0, shape}};
  }
  call.Check(!call.Has("vector_axis") && lut.shape.size() == indices.shape.size() + 2 &&
                 lut.shape.back() == 1,
             "lut", "two dimensions more than indices and scalar entries", ShapeText(lut.shape));
  for (size_t i = 0; i < indices.shape.size(); ++i) {
    call.Check(lut.shape[i] > 0 && indices.shape[i] % lut.shape[i] == 0, "lut",
               "block counts that divide indices", ShapeText(lut.shape));
  }
  return {{lut.dtype, 0, indices.shape}};
}

// Number of the block that element `flat` of `shape` lies in, with block counts `blocks`.
int64_t BlockOf(int64_t flat, const Shape& shape, const Shape& blocks) {
  int64_t block = 0, step = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    block += flat % shape[i] / (shape[i] / blocks[i]) * step;
    step *= blocks[i];
    flat /= shape[i];
  }
  return block;
}

void LowerLutToDense(const OpCall& call, Lowering& lowering) {
  const View lut = lowering.In(call.Id("lut")), indices = lowering.In(call.Id("indices")),
             out = lowering.Out(call.Result());
  const bool packed = call.Has("shape");
  int64_t bits = 0;
  while (packed && (int64_t(1) << bits) < lut.count()) ++bits;
  const Shape blocks = packed ? Shape{} : Shape(lut.shape.begin(), lut.shape.end() - 2);
  lowering.Emit({lut, indices, out}, [=](const RunContext& context) -> const char* {
    const Elements table(context, lut), index(context, indices), to(context, out);
    const int64_t entries = packed ? lut.count() : lut.shape[lut.rank() - 2];
    for (int64_t i = 0; i < to.count(); ++i) {
      int64_t entry = 0, block = 0;
      if (packed) {
        const int64_t bit = i * bits;
        int64_t window = int64_t(index.Get(bit / 8));
        if (bit % 8 + bits > 8) window |= int64_t(index.Get(bit / 8 + 1)) << 8;
        entry = (window >> (bit % 8)) & (entries - 1);
      } else {
        entry = int64_t(index.Get(i));
        block = BlockOf(i, out.shape, blocks);
        if (entry < 0 || entry >= entries)
          return "Expected palette indices inside the palette, got one outside.";
      }
      to.Set(i, table.Get(block * entries + entry));
    }
    return nullptr;
  });
}

Types SparseToDense(const OpCall& call) {
  const TensorType& data = call.Type("nonzero_data");
  if (!call.Has("shape")) return {{data.dtype, data.bits, call.ShapeOf("mask")}};
  const Shape shape = Dims(call, "shape");
  call.Check(ElementCount(call.ShapeOf("mask")) * 8 >= ElementCount(shape), "mask",
             "a bit per element of " + ShapeText(shape), ShapeText(call.ShapeOf("mask")));
  return {{data.dtype, data.bits, shape}};
}

void LowerSparseToDense(const OpCall& call, Lowering& lowering) {
  const View data = lowering.In(call.Id("nonzero_data")), mask = lowering.In(call.Id("mask")),
             out = lowering.Out(call.Result());
  const bool packed = call.Has("shape");
  lowering.Emit({data, mask, out}, [=](const RunContext& context) -> const char* {
    const Elements from(context, data), bits(context, mask), to(context, out);
    int64_t next = 0;
    for (int64_t i = 0; i < to.count(); ++i) {
      const bool set = packed ? (int64_t(bits.Get(i / 8)) >> (i % 8) & 1) != 0 : bits.Get(i) != 0;
      if (set && next >= from.count())
        return "Expected as many non-zero numbers as bits in the mask, got fewer.";
      to.Set(i, set ? from.Get(next++) : 0);
    }
    return next == from.count()
               ? nullptr
               : "Expected as many non-zero numbers as bits in the mask, got more.";
  });
}

Types ShiftScale(const OpCall& call) {
  const Shape &data = call.ShapeOf("data"), &scale = call.ShapeOf("scale");
  bool divides = data.size() == scale.size();
  for (size_t i = 0; divides && i < data.size(); ++i)
    divides = scale[i] > 0 && data[i] % scale[i] == 0;
  call.Check(divides, "scale", "block counts that divide " + ShapeText(data), ShapeText(scale));
  if (call.Has("offset"))
    call.Check(call.ShapeOf("offset") == scale, "offset", "the shape of scale",
               ShapeText(call.ShapeOf("offset")));
  return {{call.Type("scale").dtype, 0, data}};
}

void LowerShiftScale(const OpCall& call, Lowering& lowering) {
  const View data = lowering.In(call.Id("data")), scale = lowering.In(call.Id("scale")),
             out = lowering.Out(call.Result());
  const bool has_offset = call.Has("offset");
  const View offset = has_offset ? lowering.In(call.Id("offset")) : scale;
  lowering.Emit({data, scale, offset, out}, [=](const RunContext& context) -> const char* {
    const Elements q(context, data), s(context, scale), z(context, offset), to(context, out);
    for (int64_t i = 0; i < to.count(); ++i) {
      const int64_t block = BlockOf(i, data.shape, scale.shape);
      to.Set(i, s.Get(block) * (q.Get(i) - (has_offset ? z.Get(block) : 0)));
    }
    return nullptr;
  });
}

Types ConstexprCast(const OpCall& call) {
  const std::string name = call.Text("output_dtype", "");
  call.Check(name == "fp16" || name == "fp32", "output_dtype", "fp16 or fp32", name);
  return {{name == "fp16" ? Dtype::kFp16 : Dtype::kFp32, 0, call.ShapeOf("source_val")}};
}

void LowerConstexprCast(const OpCall& call, Lowering& lowering) {
  const View data = lowering.In(call.Id("source_val")), out = lowering.Out(call.Result());
  lowering.Emit({data, out}, [=](const RunContext& context) -> const char* {
    const Elements from(context, data), to(context, out);
    for (int64_t i = 0; i < to.count(); ++i) to.Set(i, from.Get(i));
    return nullptr;
  });
}

constexpr OpRow kRows[] = {
    {"constexpr_lut_to_dense", "indices lut shape? vector_axis?", LutToDense, LowerLutToDense},
    {"constexpr_sparse_to_dense", "nonzero_data mask shape?", SparseToDense, LowerSparseToDense},
    {"constexpr_blockwise_shift_scale", "data scale offset?", ShiftScale, LowerShiftScale},
    {"constexpr_cast", "source_val output_dtype", ConstexprCast, LowerConstexprCast},
};

}  // namespace

std::span<const OpRow> ConstexprRows() { return kRows; }

}  // namespace ane::engine
