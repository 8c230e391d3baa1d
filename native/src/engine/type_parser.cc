#include "engine/type_parser.h"

#include <algorithm>
#include <iterator>

#include "engine/literal.h"

namespace ane::engine {
namespace {

constexpr int64_t kMaxElements = int64_t(1) << 40;

struct ScalarName {
  std::string_view name;
  Dtype dtype;
  int bits;
  bool supported;
};

constexpr ScalarName kScalars[] = {
    {"fp16", Dtype::kFp16, 0, true},       {"fp32", Dtype::kFp32, 0, true},
    {"fp64", Dtype::kFp64, 0, true},       {"bool", Dtype::kBool, 0, true},
    {"string", Dtype::kString, 0, true},   {"int4", Dtype::kInt8, 4, true},
    {"int8", Dtype::kInt8, 0, true},       {"int16", Dtype::kInt16, 0, true},
    {"int32", Dtype::kInt32, 0, true},     {"int64", Dtype::kInt64, 0, true},
    {"uint1", Dtype::kUint8, 1, true},     {"uint2", Dtype::kUint8, 2, true},
    {"uint3", Dtype::kUint8, 3, true},     {"uint4", Dtype::kUint8, 4, true},
    {"uint6", Dtype::kUint8, 6, true},     {"uint8", Dtype::kUint8, 0, true},
    {"uint16", Dtype::kUint16, 0, true},   {"uint32", Dtype::kUint32, 0, true},
    {"uint64", Dtype::kUint64, 0, true},   {"bf16", Dtype::kFp32, 0, false},
    {"fp8e4m3fn", Dtype::kFp32, 0, false}, {"fp8e5m2", Dtype::kFp32, 0, false},
};

int64_t ParseDim(Lexer& lexer) {
  if (lexer.Accept('?')) return kUnknownDim;
  const Token token = lexer.Next();
  int64_t dim = 0;
  if (token.kind == TokenKind::kIdentifier) return kUnknownDim;
  if (token.kind != TokenKind::kNumber || !ParseInteger(token.text, &dim) || dim < 0 ||
      dim > INT32_MAX) {
    Fail(token.offset, "Expected a dimension, got '" + std::string(token.text) + "'.");
  }
  return dim;
}

void ParseDims(Lexer& lexer, Shape* shape) {
  const size_t offset = lexer.Peek().offset;
  lexer.Expect('[');
  while (!lexer.Is(']')) {
    shape->push_back(ParseDim(lexer));
    if (shape->size() > size_t(kMaxRank)) Fail(offset, "Expected at most 8 dimensions, got more.");
    if (!lexer.Accept(',')) break;
  }
  lexer.Expect(']');
}

void CheckSize(const Shape& shape, size_t offset) {
  int64_t count = 1;
  for (int64_t dim : shape) {
    count *= std::max<int64_t>(dim, 1);
    if (count > kMaxElements)
      Fail(offset, "Expected at most 2^40 elements, got " + ShapeText(shape) + ".");
  }
}

TextType ParseScalar(const Token& word) {
  const auto found =
      std::find_if(std::begin(kScalars), std::end(kScalars),
                   [&](const ScalarName& scalar) { return scalar.name == word.text; });
  if (word.kind != TokenKind::kIdentifier || found == std::end(kScalars)) {
    Fail(word.offset, "Expected a type, got '" + std::string(word.text.substr(0, 40)) + "'.");
  }
  return {{found->dtype, found->bits, {}}, found->supported};
}

TextType ParseNestedType(Lexer& lexer, int depth) {
  const Token word = lexer.Next();
  return ParseTypeAfter(lexer, word, depth + 1);
}

TextType ParseTensorBuffer(Lexer& lexer) {
  TextType type = ParseScalar(lexer.Next());
  while (lexer.Accept(',')) {
    const std::string_view field = lexer.ExpectIdentifier("a field");
    lexer.Expect('=');
    const size_t offset = lexer.Peek().offset;
    Shape numbers;
    ParseDims(lexer, &numbers);
    if (field != "shape") continue;
    CheckSize(numbers, offset);
    type.tensor.shape = numbers;
  }
  lexer.Expect('>');
  return type;
}

}  // namespace

void CheckNesting(const Lexer& lexer, int depth) {
  if (depth > kMaxNesting)
    Fail(lexer.Peek().offset, "Expected at most 64 levels of nesting, got more.");
}

TextType ParseTypeAfter(Lexer& lexer, const Token& word, int depth) {
  CheckNesting(lexer, depth);
  if (word.kind != TokenKind::kIdentifier || !lexer.Is('<')) return ParseScalar(word);
  lexer.Expect('<');
  TextType type;
  if (word.text == "tensor") {
    type = ParseScalar(lexer.Next());
    lexer.Expect(',');
    const size_t offset = lexer.Peek().offset;
    ParseDims(lexer, &type.tensor.shape);
    CheckSize(type.tensor.shape, offset);
    lexer.Expect('>');
    return type;
  }
  if (word.text == "tensor_buffer") return ParseTensorBuffer(lexer);
  type.supported = false;
  if (word.text == "state") {
    ParseNestedType(lexer, depth);
  } else if (word.text == "list") {
    ParseNestedType(lexer, depth);
    if (lexer.Accept(',')) ParseDim(lexer);
  } else if (word.text == "dict") {
    ParseNestedType(lexer, depth);
    lexer.Expect(',');
    ParseNestedType(lexer, depth);
  } else if (word.text == "tuple") {
    while (!lexer.Is('>')) {
      ParseNestedType(lexer, depth);
      if (!lexer.Accept(',')) break;
    }
  } else {
    Fail(word.offset, "Expected a type, got '" + std::string(word.text) + "'.");
  }
  lexer.Expect('>');
  return type;
}

TextType ParseType(Lexer& lexer) {
  const Token word = lexer.Next();
  return ParseTypeAfter(lexer, word, 0);
}

}  // namespace ane::engine
