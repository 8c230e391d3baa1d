// Emits attention as single nodes.
#pragma once

#include "engine/attention.h"
#include "engine/attention_match.h"
#include "engine/lowering.h"

namespace ane::engine {

void EmitAttention(Lowering& lowering, const View& query, const View& key, const View& value,
                   const View& out, ScoreSteps steps);

// The operations of a match; scores have the type of the probabilities.
void EmitMatch(Lowering& lowering, const AttentionMatch& match);

}  // namespace ane::engine
