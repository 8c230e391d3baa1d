#include "engine/quantized_emit.h"

#include "engine/products.h"

namespace ane::engine {
namespace {

// [.., rows, *columns] as [batch, rows, columns], or with `by_rows` [*columns, rows] as [1, rows,
// columns]; nothing when strides cannot express it.
std::optional<View> AsColumns(const View& view, int64_t batch, int64_t rows, bool by_rows) {
  const int64_t columns = view.count() / batch / rows;
  if (!by_rows) return Reshaped(view, {batch, rows, columns});
  const std::optional<View> turned = Reshaped(view, {1, columns, rows});
  return turned ? std::optional(SwapLast(*turned)) : std::nullopt;
}

void Run(const RunContext& context, const QuantizedMatch& match, const View& from, const View& to) {
  const int64_t step = to.strides[0] * int64_t(SizeOf(to.dtype));
  Int8Columns columns{context.Data<uint8_t>(from), from.dtype == Dtype::kInt8, match.zero_point,
                      from.shape[2], from.strides[1], from.strides[2]};
  char* data = context.Data<char>(to);
  for (int64_t i = 0; i < from.shape[0]; ++i) {
    GemmInt8(context.pool, *match.rows, columns, match.scales->data(),
             {data, to.dtype, to.shape[1], to.shape[2], to.strides[1], to.strides[2]});
    columns.data += from.strides[0];
    data += step;
  }
}

}  // namespace

void EmitQuantized(const OpCall& call, const QuantizedMatch& match, Lowering& lowering) {
  const View given = lowering.In(match.columns), out = lowering.Out(call.Result());
  const int64_t K = match.rows->k(), M = match.rows->rows();
  const bool convolution = call.operation().op == "conv", biased = call.Has("bias");
  if (out.count() == 0) return;
  // Every batch has its own columns, or all of them lie in one matrix.
  const int64_t batch =
      match.by_rows ? 1 : ElementCount(given.shape, 0, convolution ? 1 : given.rank() - 2);
  View columns = given, sum = biased ? lowering.Temp(Dtype::kFp32, out.shape) : out;
  if (!AsColumns(columns, batch, K, match.by_rows)) {
    columns = lowering.Temp(given.dtype, given.shape);
    lowering.EmitCopy(given, columns);
  }
  if (!AsColumns(sum, batch, M, match.by_rows)) sum = lowering.Temp(out.dtype, out.shape);
  const View from = *AsColumns(columns, batch, K, match.by_rows),
             to = *AsColumns(sum, batch, M, match.by_rows);
  lowering.AddFlops(2 * out.count() * K);
  lowering.Emit({from, to}, [=](const RunContext& context) -> const char* {
    Run(context, match, from, to);
    return nullptr;
  });
  if (biased) {
    View bias = lowering.In(call.Id("bias"));
    for (size_t i = 2; convolution && i < out.rank(); ++i) {
      bias.shape.push_back(1);
      bias.strides.push_back(0);
    }
    EmitBias(lowering, sum, &bias, out);
  } else if (!SamePlace(sum, out)) {
    lowering.EmitCopy(sum, out);
  }
}

}  // namespace ane::engine
