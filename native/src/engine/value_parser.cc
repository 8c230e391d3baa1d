#include "engine/value_parser.h"

#include <algorithm>
#include <utility>

#include "engine/literal.h"
#include "engine/type_parser.h"

namespace ane::engine {
namespace {

void SkipLiteral(Lexer& lexer, int depth) {
  CheckNesting(lexer, depth);
  const Token token = lexer.Peek();
  const char closing = lexer.Is('[') ? ']' : lexer.Is('(') ? ')' : lexer.Is('{') ? '}' : '\0';
  if (closing != '\0') {
    lexer.Next();
    while (!lexer.Is(closing)) {
      SkipLiteral(lexer, depth + 1);
      if (!lexer.Accept(',')) break;
    }
    lexer.Expect(closing);
    return;
  }
  if (token.kind == TokenKind::kNumber || token.kind == TokenKind::kString) {
    lexer.Next();
    return;
  }
  if (token.kind != TokenKind::kIdentifier) lexer.FailHere("a value");
  lexer.Next();
  if (lexer.Is('<') || lexer.Is('(')) {
    ParseTypeAfter(lexer, token, depth);
    lexer.Expect('(');
    if (!lexer.Is(')')) SkipLiteral(lexer, depth + 1);
    lexer.Expect(')');
  }
}

class LiteralParser {
 public:
  LiteralParser(Lexer& lexer, const TensorType& type)
      : lexer_(lexer), literal_(std::make_shared<Literal>()) {
    literal_->type = type;
  }

  std::shared_ptr<const Literal> Run() {
    const size_t offset = lexer_.Peek().offset;
    if (!lexer_.Is(')')) Element(0);
    const Shape& shape = literal_->type.shape;
    if (std::find(shape.begin(), shape.end(), kUnknownDim) != shape.end()) {
      Fail(offset, "Expected known dimensions for a constant, got " + ShapeText(shape) + ".");
    }
    if (count_ != ElementCount(shape)) {
      Fail(offset, "Expected " + std::to_string(ElementCount(shape)) + " elements for " +
                       TypeText(literal_->type) + ", got " + std::to_string(count_) + ".");
    }
    return literal_;
  }

 private:
  void Element(int depth) {
    CheckNesting(lexer_, depth);
    if (lexer_.Accept('[')) {
      while (!lexer_.Is(']')) {
        Element(depth + 1);
        if (!lexer_.Accept(',')) break;
      }
      lexer_.Expect(']');
      return;
    }
    const Token token = lexer_.Next();
    ++count_;
    if (literal_->type.dtype == Dtype::kString && token.kind == TokenKind::kString) {
      literal_->strings.push_back(Unescape(token.text));
      return;
    }
    const bool word = token.kind == TokenKind::kNumber || token.kind == TokenKind::kIdentifier;
    if (!word ||
        !AppendNumber(token.text, literal_->type.dtype, literal_->type.bits, &literal_->bytes)) {
      Fail(token.offset, std::string("Expected an element of type ") +
                             DtypeName(literal_->type.dtype) + ", got '" +
                             std::string(token.text.substr(0, 40)) + "'.");
    }
  }

  Lexer& lexer_;
  std::shared_ptr<Literal> literal_;
  int64_t count_ = 0;
};

// A field of BLOBFILE: a typed value of one element.
std::shared_ptr<const Literal> ParseField(Lexer& lexer, std::string_view name, bool is_string) {
  lexer.ExpectWord(name);
  lexer.Expect('=');
  const Token token = lexer.Next();
  if (token.kind != TokenKind::kIdentifier)
    Fail(token.offset, "Expected a typed value for " + std::string(name) + ".");
  const Value value = ParseTypedValue(lexer, token);
  if (value.literal == nullptr || (value.type.dtype == Dtype::kString) != is_string ||
      ElementCount(value.type.shape) != 1) {
    Fail(token.offset, "Expected one value for " + std::string(name) + ", got another type.");
  }
  return value.literal;
}

}  // namespace

Value ParseTypedValue(Lexer& lexer, const Token& first) {
  Value value;
  value.offset = first.offset;
  const TextType type = ParseTypeAfter(lexer, first, 0);
  value.type = type.tensor;
  value.supported = type.supported;
  lexer.Expect('(');
  if (lexer.IsWord("BLOBFILE")) {
    lexer.Next();
    lexer.Expect('(');
    const auto path = ParseField(lexer, "path", true);
    lexer.Expect(',');
    const size_t offset = lexer.Peek().offset;
    const auto position = ParseField(lexer, "offset", false);
    lexer.Expect(')');
    uint64_t number = 0;
    if (position->type.dtype != Dtype::kUint64)
      Fail(offset, "Expected a uint64 for offset, got another type.");
    std::copy_n(position->bytes.data(), sizeof(number), reinterpret_cast<uint8_t*>(&number));
    value.blob = std::make_shared<BlobReference>(BlobReference{path->strings[0], number});
  } else if (type.supported) {
    value.literal = LiteralParser(lexer, type.tensor).Run();
  } else if (!lexer.Is(')')) {
    SkipLiteral(lexer, 0);
  }
  lexer.Expect(')');
  return value;
}

Value ParseBareLiteral(Lexer& lexer) {
  const Token token = lexer.Next();
  auto literal = std::make_shared<Literal>();
  if (token.kind == TokenKind::kString) {
    literal->type.dtype = Dtype::kString;
    literal->strings.push_back(Unescape(token.text));
  } else {
    int64_t integer = 0;
    literal->type.dtype = ParseInteger(token.text, &integer) ? Dtype::kInt32 : Dtype::kFp32;
    if (token.kind != TokenKind::kNumber ||
        !AppendNumber(token.text, literal->type.dtype, 0, &literal->bytes)) {
      Fail(token.offset, "Expected a value for the operand, got '" +
                             std::string(token.text.substr(0, 40)) + "'.");
    }
  }
  Value value;
  value.offset = token.offset;
  value.type = literal->type;
  value.literal = std::move(literal);
  return value;
}

Value BoolLiteral(const Token& token) {
  auto literal = std::make_shared<Literal>();
  literal->type.dtype = Dtype::kBool;
  literal->bytes.push_back(token.text == "true");
  Value value;
  value.offset = token.offset;
  value.type = literal->type;
  value.literal = std::move(literal);
  return value;
}

void SkipTypedValue(Lexer& lexer) { SkipLiteral(lexer, 0); }

void SkipAttributes(Lexer& lexer) {
  lexer.Expect('[');
  while (!lexer.Is(']')) {
    lexer.ExpectIdentifier("an attribute name");
    lexer.Expect('=');
    SkipTypedValue(lexer);
    if (!lexer.Accept(',')) break;
  }
  lexer.Expect(']');
}

}  // namespace ane::engine
