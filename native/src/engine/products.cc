#include "engine/products.h"

#include "engine/strided.h"
#include "kernels/gemm.h"

namespace ane::engine {
namespace {

// Batch dimensions: the last of the merged ones runs inside GemmBatched, the others outside of it.
struct Product {
  View x, y, out;
  LoopNest batch;
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
    return ConstMatrix{data, view.dtype, view.shape[last - 1], view.shape[last], view.strides[last - 1], view.strides[last]};
  };
  const int64_t inner = p.batch.shape.back();
  const GemmBatch steps{inner, p.batch.strides[1].back(), p.batch.strides[2].back(), p.batch.strides[0].back()};
  const int64_t total = ElementCount(p.batch.shape);
  RowCursor out_at(p.batch.shape, p.batch.strides[0], 0), x_at(p.batch.shape, p.batch.strides[1], 0);
  RowCursor y_at(p.batch.shape, p.batch.strides[2], 0);
  for (int64_t done = 0; done < total; done += inner) {
    const Matrix out{context.Data<char>(p.out) + out_at.offset() * int64_t(SizeOf(p.out.dtype)), p.out.dtype,
                     p.out.shape[rows], p.out.shape[columns], p.out.strides[rows], p.out.strides[columns]};
    const ConstMatrix x = matrix(p.x, x_at.offset()), y = matrix(p.y, y_at.offset());
    if (inner == 1) {
      Gemm(context.pool, x, y, out, false);
    } else {
      GemmBatched(context.pool, x, y, out, steps);
    }
    out_at.Advance(inner);
    x_at.Advance(inner);
    y_at.Advance(inner);
  }
}

}  // namespace

void EmitProduct(Lowering& lowering, const View& x, const View& y, const View& out) {
  const Shape batch(out.shape.begin(), out.shape.end() - 2);
  Product product{x, y, out, Collapse({BatchOf(out, batch), BatchOf(x, batch), BatchOf(y, batch)})};
  lowering.AddFlops(2 * out.count() * x.shape.back());
  if (out.count() == 0) return;
  lowering.Emit({x, y, out}, [product = std::move(product)](const RunContext& context) -> const char* {
    RunProduct(context, product);
    return nullptr;
  });
}

}  // namespace ane::engine
