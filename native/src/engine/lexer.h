// Tokens of MIL text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ane::engine {

enum class TokenKind { kIdentifier, kNumber, kString, kPunctuation, kArrow, kEnd };

struct Token {
  TokenKind kind;
  std::string_view text;  // of a string: without the quotes, escapes not resolved
  size_t offset;
};

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) { Advance(); }

  const Token& Peek() const { return token_; }
  Token Next();
  bool Is(char punctuation) const;
  bool IsWord(std::string_view word) const;
  // Consumes the punctuation when it is next.
  bool Accept(char punctuation);
  // Consumes the punctuation or throws CompileError at the offending token.
  void Expect(char punctuation);
  std::string_view ExpectIdentifier(const char* what);
  void ExpectWord(std::string_view word);
  [[noreturn]] void FailHere(const std::string& expected) const;

 private:
  void Advance();
  void SkipSpace();

  std::string_view text_;
  size_t position_ = 0;
  Token token_{};
};

// Resolves \" and \\ and keeps every other byte.
std::string Unescape(std::string_view quoted);

// Line and column of a byte offset, both from 1.
std::pair<int, int> LineAndColumn(std::string_view text, size_t offset);

}  // namespace ane::engine
