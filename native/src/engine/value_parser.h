// Typed values of MIL text.
#pragma once

#include "engine/ir.h"
#include "engine/lexer.h"

namespace ane::engine {

// A value whose first word has been consumed; the result is anonymous.
Value ParseTypedValue(Lexer& lexer, const Token& first);
// `3`, `0.5` or `"valid"` without a type: int32, fp32, string.
Value ParseBareLiteral(Lexer& lexer);
Value BoolLiteral(const Token& token);

// Values this engine does not need (attributes): checked for form only.
void SkipTypedValue(Lexer& lexer);
void SkipAttributes(Lexer& lexer);

}  // namespace ane::engine
