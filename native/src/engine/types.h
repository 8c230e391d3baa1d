// Shapes, tensor types, constants and the error of the compile stage.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/dtype.h"

namespace ane::engine {

using Shape = std::vector<int64_t>;

constexpr int64_t kUnknownDim = -1;
constexpr int kMaxRank = 8;

// Thrown and caught inside Compile only; `offset` is a byte position in the program text.
struct CompileError {
  size_t offset;
  std::string message;
};

[[noreturn]] inline void Fail(size_t offset, std::string message) {
  throw CompileError{offset, std::move(message)};
}

struct TensorType {
  Dtype dtype = Dtype::kFp32;
  // Width of an element in a weight file when the text names a sub-byte type (int4, uint1 ...
  // uint6), else 0. In memory such elements take one byte each.
  int bits = 0;
  Shape shape;
};

// A constant: row-major elements, or strings.
struct Literal {
  TensorType type;
  std::vector<uint8_t> bytes;
  std::vector<std::string> strings;
};

// Product of dimensions [begin, end).
inline int64_t ElementCount(const Shape& shape, size_t begin, size_t end) {
  int64_t count = 1;
  for (size_t i = begin; i < end; ++i) count *= shape[i];
  return count;
}
inline int64_t ElementCount(const Shape& shape) { return ElementCount(shape, 0, shape.size()); }

const char* DtypeName(Dtype dtype);
std::string ShapeText(const Shape& shape);
std::string TypeText(const TensorType& type);

}  // namespace ane::engine
