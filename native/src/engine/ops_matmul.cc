// Rows of matrix products.
#include <functional>

#include "engine/broadcast.h"
#include "engine/op_row.h"
#include "engine/products.h"
#include "engine/scalar.h"
#include "engine/strided.h"

namespace ane::engine {
namespace {

using Types = std::vector<TensorType>;

struct Operands {
  Shape x, y;  // at least two dimensions, transposed as asked
  bool x_vector, y_vector;
};

Operands ReadOperands(const OpCall& call) {
  Operands out{call.ShapeOf("x"), call.ShapeOf("y"), false, false};
  call.Check(!out.x.empty() && !out.y.empty(), "x", "at least one dimension", "a scalar");
  out.x_vector = out.x.size() == 1;
  out.y_vector = out.y.size() == 1;
  if (out.x_vector) out.x.insert(out.x.begin(), 1);
  if (out.y_vector) out.y.push_back(1);
  if (!out.x_vector && call.Bool("transpose_x", false)) std::swap(out.x.end()[-1], out.x.end()[-2]);
  if (!out.y_vector && call.Bool("transpose_y", false)) std::swap(out.y.end()[-1], out.y.end()[-2]);
  return out;
}

Types Matmul(const OpCall& call) {
  const Operands operands = ReadOperands(call);
  const Shape &x = operands.x, &y = operands.y;
  call.Check(x.back() == y.end()[-2], "y", std::to_string(x.back()) + " rows",
             ShapeText(call.ShapeOf("y")));
  Shape shape =
      BroadcastShapes(call, "y", Shape(x.begin(), x.end() - 2), Shape(y.begin(), y.end() - 2));
  if (!operands.x_vector) shape.push_back(x.end()[-2]);
  if (!operands.y_vector) shape.push_back(y.back());
  const Dtype dtype = call.Type("x").dtype, other = call.Type("y").dtype;
  call.Check(dtype == other || (IsFloat(dtype) && IsFloat(other)), "y", DtypeName(dtype),
             DtypeName(other));
  return {{dtype, 0, shape}};
}

void InsertAxis(View* view, size_t at) {
  view->shape.insert(view->shape.begin() + int64_t(at), 1);
  view->strides.insert(view->strides.begin() + int64_t(at), 0);
}

// Integer products: one element at a time.
void EmitScalarProduct(Lowering& lowering, const View& x, const View& y, const View& out) {
  const Shape batch(out.shape.begin(), out.shape.end() - 2);
  Shape x_shape = batch, y_shape = batch;
  x_shape.insert(x_shape.end(), x.shape.end() - 2, x.shape.end());
  y_shape.insert(y_shape.end(), y.shape.end() - 2, y.shape.end());
  const View a = Broadcast(x, x_shape), b = Broadcast(y, y_shape);
  lowering.Emit({x, y, out}, [=](const RunContext& context) -> const char* {
    const int64_t rows = a.shape.end()[-2], inner = a.shape.back(), columns = b.shape.back();
    for (int64_t i = 0; i < out.count(); ++i) {
      const int64_t matrix = i / (rows * columns), row = i / columns % rows, column = i % columns;
      const RowCursor x_at(a.shape, a.strides, (matrix * rows + row) * inner);
      const RowCursor y_at(b.shape, b.strides, matrix * inner * columns + column);
      const RowCursor out_at(out.shape, out.strides, i);
      double sum = 0;
      for (int64_t k = 0; k < inner; ++k) {
        sum += LoadDouble(context.Data(a), a.dtype, x_at.offset() + k * a.strides.back()) *
               LoadDouble(context.Data(b), b.dtype, y_at.offset() + k * b.strides.end()[-2]);
      }
      StoreDouble(context.Data(out), out.dtype, out_at.offset(), sum);
    }
    return nullptr;
  });
}

void LowerMatmul(const OpCall& call, Lowering& lowering) {
  View x = lowering.In(call.Id("x")), y = lowering.In(call.Id("y")),
       out = lowering.Out(call.Result());
  if (y.rank() == 1) {
    InsertAxis(&out, out.rank());
    InsertAxis(&y, 1);
  } else if (call.Bool("transpose_y", false)) {
    y = SwapLast(y);
  }
  if (x.rank() == 1) {
    InsertAxis(&out, out.rank() - 1);
    InsertAxis(&x, 0);
  } else if (call.Bool("transpose_x", false)) {
    x = SwapLast(x);
  }
  if (out.count() == 0) return;
  if (!IsFloat(out.dtype)) return EmitScalarProduct(lowering, x, y, out);
  EmitProduct(lowering, x, y, out);
}

Types Linear(const OpCall& call) {
  const Shape &x = call.ShapeOf("x"), &weight = call.ShapeOf("weight");
  call.Check(!x.empty(), "x", "at least one dimension", "a scalar");
  call.Check(weight.size() == 2 && weight[1] == x.back(), "weight",
             "[out, " + std::to_string(x.back()) + "]", ShapeText(weight));
  if (call.Has("bias")) {
    const Shape& bias = call.ShapeOf("bias");
    call.Check(bias == Shape{weight[0]}, "bias", std::to_string(weight[0]) + " numbers",
               ShapeText(bias));
  }
  call.Check(IsFloat(call.Type("x").dtype) && IsFloat(call.Type("weight").dtype), "x",
             "fp16 or fp32", DtypeName(call.Type("x").dtype));
  Shape shape = x;
  shape.back() = weight[0];
  return {{call.Type("x").dtype, 0, shape}};
}

void LowerLinear(const OpCall& call, Lowering& lowering) {
  View x = lowering.In(call.Id("x")), out = lowering.Out(call.Result());
  if (x.rank() == 1) {
    InsertAxis(&x, 0);
    InsertAxis(&out, 0);
  }
  const View weight = SwapLast(lowering.In(call.Id("weight")));
  if (!call.Has("bias")) return EmitProduct(lowering, x, weight, out);
  const View sum = lowering.Temp(Dtype::kFp32, out.shape), bias = lowering.In(call.Id("bias"));
  EmitProduct(lowering, x, weight, sum);
  EmitBias(lowering, sum, &bias, out);
}

constexpr OpRow kRows[] = {
    {"matmul", "x y transpose_x? transpose_y?", Matmul, LowerMatmul},
    {"linear", "x weight bias?", Linear, LowerLinear},
};

}  // namespace

std::span<const OpRow> MatmulRows() { return kRows; }

}  // namespace ane::engine
