// The row of scaled_dot_product_attention. Legend: L queries, S keys, E their size.
#include <cmath>

#include "engine/broadcast.h"
#include "engine/fused_loop.h"
#include "engine/op_row.h"
#include "engine/products.h"
#include "engine/scalar.h"
#include "engine/softmax.h"

namespace ane::engine {
namespace {

std::vector<TensorType> Infer(const OpCall& call) {
  const Shape &query = call.ShapeOf("query"), &key = call.ShapeOf("key"),
              &value = call.ShapeOf("value");
  call.Check(query.size() >= 3, "query", "at least three dimensions", ShapeText(query));
  const auto batch = [](const Shape& shape) { return Shape(shape.begin(), shape.end() - 2); };
  for (const auto& [name, shape] : {std::pair{"key", key}, {"value", value}}) {
    call.Check(shape.size() == query.size() && batch(shape) == batch(query), name,
               "the batch of query, " + ShapeText(query), ShapeText(shape));
    call.Check(call.Type(name).dtype == call.Type("query").dtype, name,
               DtypeName(call.Type("query").dtype), DtypeName(call.Type(name).dtype));
  }
  call.Check(IsFloat(call.Type("query").dtype), "query", "fp16 or fp32",
             DtypeName(call.Type("query").dtype));
  call.Check(key.back() == query.back(), "key", std::to_string(query.back()) + " numbers per key",
             ShapeText(key));
  call.Check(value.end()[-2] == key.end()[-2], "value", std::to_string(key.end()[-2]) + " values",
             ShapeText(value));
  Shape scores = query;
  scores.back() = key.end()[-2];
  if (call.Has("attn_mask")) {
    const TensorType& mask = call.Type("attn_mask");
    call.Check(mask.dtype == Dtype::kBool || IsFloat(mask.dtype), "attn_mask", "bool, fp16 or fp32",
               DtypeName(mask.dtype));
    call.Check(BroadcastShapes(call, "attn_mask", scores, mask.shape) == scores, "attn_mask",
               "a shape that broadcasts to " + ShapeText(scores), ShapeText(mask.shape));
  }
  Shape out = query;
  out.back() = value.back();
  return {{call.Type("query").dtype, 0, out}};
}

void Lower(const OpCall& call, Lowering& lowering) {
  const View query = lowering.In(call.Id("query")), value = lowering.In(call.Id("value")),
             out = lowering.Out(call.Result());
  View key = lowering.In(call.Id("key"));
  std::swap(key.shape.end()[-1], key.shape.end()[-2]);
  std::swap(key.strides.end()[-1], key.strides.end()[-2]);
  if (out.count() == 0) return;
  Shape shape = query.shape;
  shape.back() = key.shape.back();
  // Scores and probabilities stay in single precision: the operation rounds once.
  const View scores = lowering.Temp(Dtype::kFp32, shape);
  EmitProduct(lowering, query, key, scores);
  FusedLoop loop(shape, lowering.exact());
  const float scale = 1 / std::sqrt(float(query.shape.back()));
  int score =
      loop.Apply({Elementwise::kMul, {0, 0}}, {loop.Load(scores), loop.Splat(scale)}, Dtype::kFp32);
  if (call.Has("attn_mask")) {
    const View mask = lowering.In(call.Id("attn_mask"));
    const int given = loop.Load(mask);
    score = mask.dtype == Dtype::kBool
                ? loop.Apply({Elementwise::kSelect, {0, 0}}, {given, score, loop.Splat(-INFINITY)},
                             Dtype::kFp32)
                : loop.Apply({Elementwise::kAdd, {0, 0}}, {score, given}, Dtype::kFp32);
  }
  loop.Store(score, scores);
  loop.Finish();
  const std::vector<View> views = loop.Views();
  lowering.Emit(views,
                [loop = std::move(loop)](const RunContext& context) { return loop.Run(context); });
  lowering.Emit({scores},
                [softmax = Softmax(scores, scores, int(shape.size()) - 1)](
                    const RunContext& context) -> const char* {
                  softmax.Run(context);
                  return nullptr;
                });
  EmitProduct(lowering, scores, value, out);
}

constexpr OpRow kRows[] = {
    {"scaled_dot_product_attention", "query key value attn_mask?", Infer, Lower}};

}  // namespace

std::span<const OpRow> AttentionRows() { return kRows; }

}  // namespace ane::engine
