#include "engine/lexer.h"

#include "engine/types.h"

namespace ane::engine {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsWordCharacter(char c) { return IsLetter(c) || IsDigit(c) || c == '@'; }

// End of a number that starts at `begin`: digits, letters, '.', and a sign right after an exponent
// mark.
size_t NumberEnd(std::string_view text, size_t begin) {
  size_t i = begin;
  if (text[i] == '-' || text[i] == '+') ++i;
  const bool hex = i + 1 < text.size() && text[i] == '0' && (text[i + 1] | 32) == 'x';
  const char mark = hex ? 'p' : 'e';
  while (i < text.size()) {
    const char c = text[i];
    const bool sign = (c == '+' || c == '-') && (text[i - 1] | 32) == mark;
    if (!IsDigit(c) && !IsLetter(c) && c != '.' && !(sign && i > begin)) break;
    ++i;
  }
  return i;
}

}  // namespace

Token Lexer::Next() {
  Token token = token_;
  Advance();
  return token;
}

bool Lexer::Is(char punctuation) const {
  return token_.kind == TokenKind::kPunctuation && token_.text[0] == punctuation;
}

bool Lexer::IsWord(std::string_view word) const {
  return token_.kind == TokenKind::kIdentifier && token_.text == word;
}

bool Lexer::Accept(char punctuation) {
  if (!Is(punctuation)) return false;
  Advance();
  return true;
}

void Lexer::Expect(char punctuation) {
  if (!Accept(punctuation)) FailHere(std::string("'") + punctuation + "'");
}

std::string_view Lexer::ExpectIdentifier(const char* what) {
  if (token_.kind != TokenKind::kIdentifier) FailHere(what);
  return Next().text;
}

void Lexer::ExpectWord(std::string_view word) {
  if (!IsWord(word)) FailHere("'" + std::string(word) + "'");
  Advance();
}

void Lexer::FailHere(const std::string& expected) const {
  const std::string got = token_.kind == TokenKind::kEnd
                              ? "the end of the text"
                              : "'" + std::string(token_.text.substr(0, 40)) + "'";
  Fail(token_.offset, "Expected " + expected + ", got " + got + ".");
}

void Lexer::SkipSpace() {
  while (position_ < text_.size()) {
    const char c = text_[position_];
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      ++position_;
    } else if (c == '/' && position_ + 1 < text_.size() && text_[position_ + 1] == '/') {
      while (position_ < text_.size() && text_[position_] != '\n') ++position_;
    } else {
      return;
    }
  }
}

void Lexer::Advance() {
  SkipSpace();
  const size_t begin = position_;
  if (begin >= text_.size()) {
    token_ = {TokenKind::kEnd, {}, text_.size()};
    return;
  }
  const char c = text_[begin];
  const char after = begin + 1 < text_.size() ? text_[begin + 1] : '\0';
  if (IsLetter(c)) {
    while (position_ < text_.size() && IsWordCharacter(text_[position_])) ++position_;
    token_ = {TokenKind::kIdentifier, text_.substr(begin, position_ - begin), begin};
  } else if (c == '-' && after == '>') {
    position_ += 2;
    token_ = {TokenKind::kArrow, text_.substr(begin, 2), begin};
  } else if (IsDigit(c) ||
             ((c == '-' || c == '+') && (IsDigit(after) || IsLetter(after) || after == '.'))) {
    position_ = NumberEnd(text_, begin);
    token_ = {TokenKind::kNumber, text_.substr(begin, position_ - begin), begin};
  } else if (c == '"') {
    size_t i = begin + 1;
    while (i < text_.size() && text_[i] != '"') i += text_[i] == '\\' ? 2 : 1;
    if (i >= text_.size())
      Fail(begin, "Expected a closing quote for the string, got the end of the text.");
    position_ = i + 1;
    token_ = {TokenKind::kString, text_.substr(begin + 1, i - begin - 1), begin};
  } else if (std::string_view("()[]{}<>,;=?").find(c) != std::string_view::npos) {
    ++position_;
    token_ = {TokenKind::kPunctuation, text_.substr(begin, 1), begin};
  } else {
    const std::string got =
        c >= ' ' && c <= '~' ? std::string("'") + c + "'" : "byte " + std::to_string(uint8_t(c));
    Fail(begin, "Expected a token, got " + got + ".");
  }
}

std::string Unescape(std::string_view quoted) {
  std::string out;
  out.reserve(quoted.size());
  for (size_t i = 0; i < quoted.size(); ++i) {
    if (quoted[i] == '\\' && i + 1 < quoted.size() &&
        (quoted[i + 1] == '"' || quoted[i + 1] == '\\'))
      ++i;
    out += quoted[i];
  }
  return out;
}

std::pair<int, int> LineAndColumn(std::string_view text, size_t offset) {
  int line = 1;
  size_t start = 0;
  for (size_t i = 0; i < offset && i < text.size(); ++i) {
    if (text[i] == '\n') {
      ++line;
      start = i + 1;
    }
  }
  return {line, int(offset - start) + 1};
}

}  // namespace ane::engine
