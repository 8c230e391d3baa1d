// The row of scaled_dot_product_attention. Legend: L queries, S keys, E their size.
#include <cmath>

#include "engine/attention_emit.h"
#include "engine/broadcast.h"
#include "engine/op_row.h"
#include "engine/scalar.h"

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

// Scores and probabilities stay in single precision: the operation rounds once.
void Lower(const OpCall& call, Lowering& lowering) {
  const View query = lowering.In(call.Id("query")), key = lowering.In(call.Id("key")),
             value = lowering.In(call.Id("value")), out = lowering.Out(call.Result());
  if (out.count() == 0) return;
  ScoreSteps steps;
  steps.scale = 1 / std::sqrt(float(query.shape.back()));
  if (call.Has("attn_mask")) {
    steps.mask = lowering.In(call.Id("attn_mask"));
    steps.masking = lowering.LiteralOf(call.Id("attn_mask"));
  }
  steps.arithmetic = ArithmeticOf(lowering.exact());
  EmitAttention(lowering, query, key, value, out, std::move(steps));
}

constexpr OpRow kRows[] = {
    {"scaled_dot_product_attention", "query key value attn_mask?", Infer, Lower}};

}  // namespace

std::span<const OpRow> AttentionRows() { return kRows; }

}  // namespace ane::engine
