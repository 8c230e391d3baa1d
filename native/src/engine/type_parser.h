// Types of MIL text.
#pragma once

#include "engine/lexer.h"
#include "engine/types.h"

namespace ane::engine {

struct TextType {
  TensorType tensor;
  bool supported =
      true;  // a tensor (or tensor_buffer) of an element type this engine computes with
};

constexpr int kMaxNesting = 64;

TextType ParseType(Lexer& lexer);
// A type whose first word has been consumed, inside `depth` others.
TextType ParseTypeAfter(Lexer& lexer, const Token& word, int depth);
// Throws CompileError when `depth` is above kMaxNesting.
void CheckNesting(const Lexer& lexer, int depth);

}  // namespace ane::engine
