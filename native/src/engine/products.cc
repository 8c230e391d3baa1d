#include "engine/products.h"

#include "engine/fused_loop.h"
#include "engine/strided.h"
#include "kernels/gemm.h"

namespace ane::engine {
namespace {

// Batch dimensions: the last of the merged ones runs inside GemmBatched, the others outside of it.
struct Product {
  View x, y, out;
  LoopNest batch;
  GemmOptions options;
};

View BatchOf(const View& view, const Shape& shape) {
  View batch = view;
  batch.shape.resize(view.rank() - 2);
  batch.strides.resize(view.rank() - 2);
  return Broadcast(batch, shape);
}

void RunProduct(const RunContext& context, const Product& p) {
  const size_t rows = p.out.rank() - 2, columns = p.out.rank() - 1;
  const auto matrix = [&](const View& view, int64_t offset) {
    const size_t last = view.rank() - 1;
    const char* data = context.Data<char>(view) + offset * int64_t(SizeOf(view.dtype));
    return ConstMatrix{data,
                       view.dtype,
                       view.shape[last - 1],
                       view.shape[last],
                       view.strides[last - 1],
                       view.strides[last]};
  };
  const int64_t inner = p.options.accumulate ? 1 : p.batch.shape.back();
  const GemmBatch steps{inner, p.batch.strides[1].back(), p.batch.strides[2].back(),
                        p.batch.strides[0].back()};
  const int64_t total = ElementCount(p.batch.shape);
  RowCursor out_at(p.batch.shape, p.batch.strides[0], 0),
      x_at(p.batch.shape, p.batch.strides[1], 0);
  RowCursor y_at(p.batch.shape, p.batch.strides[2], 0);
  for (int64_t done = 0; done < total; done += inner) {
    const Matrix out{context.Data<char>(p.out) + out_at.offset() * int64_t(SizeOf(p.out.dtype)),
                     p.out.dtype,
                     p.out.shape[rows],
                     p.out.shape[columns],
                     p.out.strides[rows],
                     p.out.strides[columns]};
    const ConstMatrix x = matrix(p.x, x_at.offset()), y = matrix(p.y, y_at.offset());
    if (inner == 1) {
      Gemm(context.pool, x, y, out, p.options);
    } else {
      GemmBatched(context.pool, x, y, out, steps, p.options);
    }
    out_at.Advance(inner);
    x_at.Advance(inner);
    y_at.Advance(inner);
  }
}

}  // namespace

void EmitProduct(Lowering& lowering, const View& x, const View& y, const View& out,
                 bool accumulate) {
  if (out.count() == 0) return;
  const Shape batch(out.shape.begin(), out.shape.end() - 2);
  if (out.rank() > 2 && ElementCount(y.shape, 0, y.rank() - 2) == 1 && x.rank() == out.rank()) {
    // One right-hand side for the whole batch: its rows are rows of one larger product.
    const int64_t rows = out.count() / out.shape.back();
    const std::optional<View> tall_x = Reshaped(x, {rows, x.shape.back()}),
                              tall_out = Reshaped(out, {rows, out.shape.back()});
    if (x.count() == rows * x.shape.back() && tall_x && tall_out) {
      return EmitProduct(lowering, *tall_x, *Reshaped(y, {y.shape.end()[-2], y.shape.back()}),
                         *tall_out, accumulate);
    }
  }
  Product product{x, y, out, Collapse({BatchOf(out, batch), BatchOf(x, batch), BatchOf(y, batch)}),
                  {.accumulate = accumulate, .arithmetic = ArithmeticOf(lowering.exact())}};
  lowering.AddFlops(2 * out.count() * x.shape.back());
  lowering.Emit({x, y, out},
                [product = std::move(product)](const RunContext& context) -> const char* {
                  RunProduct(context, product);
                  return nullptr;
                });
}

void EmitBias(Lowering& lowering, const View& sum, const View* bias, const View& out) {
  FusedLoop loop(out.shape, lowering.exact());
  int value = loop.Load(sum);
  const Elementwise op = bias != nullptr ? Elementwise::kAdd : Elementwise::kCast;
  std::vector<int> operands = {value};
  if (bias != nullptr) operands.push_back(loop.Load(*bias));
  loop.Store(loop.Apply({op, {0, 0}}, operands, out.dtype), out);
  loop.Finish();
  const std::vector<View> views = loop.views();
  lowering.Emit(views,
                [loop = std::move(loop)](const RunContext& context) { return loop.Run(context); });
}

}  // namespace ane::engine
