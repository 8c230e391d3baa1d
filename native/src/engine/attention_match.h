// Finds attention and its derivative among the operations of a function, by structure.
#pragma once

#include <optional>
#include <vector>

#include "engine/ir.h"

namespace ane::engine {

// A value seen as matrices, its last two dimensions swapped where `flipped`.
struct MatrixValue {
  int value = -1;
  bool flipped = false;
};

struct AttentionGradientMatch {
  MatrixValue change, change_of_value, key_of_query, query_of_key;
  MatrixValue d_query, d_key, d_value;
};

// softmax(query · keyᵀ · scale + mask) · value, or its derivative, in which the probabilities are
// computed again. Nothing but these operations reads what lies between them.
struct AttentionMatch {
  std::vector<int> operations;     // ascending
  MatrixValue query, key, value;   // [.., M, E], [.., N, E], [.., N, F]
  std::optional<float> scale;
  int mask = -1;                   // [.., M, N], added; -1: none
  MatrixValue out;                 // [.., M, F]; not of a derivative
  std::optional<AttentionGradientMatch> gradient;
};

std::vector<AttentionMatch> MatchAttention(const Function& function);

}  // namespace ane::engine
