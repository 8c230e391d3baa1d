#include "engine/attention_emit.h"

namespace ane::engine {
namespace {

View Flipped(View view, bool flipped) { return flipped ? SwapLast(std::move(view)) : view; }

// Emits what runs as one node: an Attention or its gradient.
template <typename Work>
void EmitWork(Lowering& lowering, std::vector<View> used, const std::optional<View>& mask,
              Work work) {
  if (mask) used.push_back(*mask);
  const View scratch = lowering.Temp(
      Dtype::kFp32, {AttentionLanes::CountFor(work.tasks()), work.lane_floats()});
  used.push_back(scratch);
  lowering.Emit(used, [work = std::move(work),
                       lanes = AttentionLanes(scratch)](const RunContext& context) -> const char* {
    work.Run(context, lanes);
    return nullptr;
  });
}

void EmitGradient(Lowering& lowering, const AttentionGradientViews& views, ScoreSteps steps) {
  const int64_t rows = views.d_query.count() / views.d_query.shape.back();
  const int64_t keys = views.key.shape.end()[-2];
  lowering.AddFlops(2 * rows * keys *
                    (3 * views.query.shape.back() + 2 * views.value.shape.back()));
  const std::optional<View> mask = steps.mask;
  EmitWork(lowering,
           {views.query, views.key, views.value, views.change, views.change_of_value,
            views.key_of_query, views.query_of_key, views.d_query, views.d_key, views.d_value},
           mask, AttentionGradient(views, std::move(steps)));
}

}  // namespace

void EmitAttention(Lowering& lowering, const View& query, const View& key, const View& value,
                   const View& out, ScoreSteps steps) {
  const int64_t rows = out.count() / out.shape.back(), keys = key.shape.end()[-2];
  lowering.AddFlops(2 * rows * keys * (query.shape.back() + value.shape.back()));
  const std::optional<View> mask = steps.mask;
  const bool panels = ProbabilityPanels::Suit(query.shape.end()[-2], keys, query.shape.back(),
                                              value.shape.back()) &&
                      !(mask && mask->dtype == Dtype::kBool);
  const std::vector<View> used = {query, key, value, out};
  if (panels) {
    EmitWork(lowering, used, mask, PanelAttention(query, key, value, out, std::move(steps)));
  } else {
    EmitWork(lowering, used, mask, Attention(query, key, value, out, std::move(steps)));
  }
}

void EmitMatch(Lowering& lowering, const AttentionMatch& match) {
  const auto in = [&](const MatrixValue& m) { return Flipped(lowering.In(m.value), m.flipped); };
  const auto out = [&](const MatrixValue& m) { return Flipped(lowering.Out(m.value), m.flipped); };
  ScoreSteps steps;
  steps.scale = match.scale;
  if (match.mask >= 0) {
    steps.mask = lowering.In(match.mask);
    steps.masking = lowering.LiteralOf(match.mask);
  }
  steps.round = lowering.exact() && lowering.In(match.query.value).dtype == Dtype::kFp16;
  steps.arithmetic = ArithmeticOf(lowering.exact());
  if (!match.gradient) {
    return EmitAttention(lowering, in(match.query), in(match.key), in(match.value), out(match.out),
                         std::move(steps));
  }
  const AttentionGradientMatch& gradient = *match.gradient;
  EmitGradient(lowering,
               {in(match.query), in(match.key), in(match.value), in(gradient.change),
                in(gradient.change_of_value), in(gradient.key_of_query), in(gradient.query_of_key),
                out(gradient.d_query), out(gradient.d_key), out(gradient.d_value)},
               std::move(steps));
}

}  // namespace ane::engine
