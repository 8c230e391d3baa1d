// A MIL function as data: what the parser returns and every pass rewrites.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/types.h"

namespace ane::engine {

struct OpRow;

// A BLOBFILE reference: the file as the text names it, and the position of the metadata record.
struct BlobReference {
  std::string path;
  uint64_t offset;
};

// What a folded constant was computed from: scale · (data - zero_point), the last two one number or
// one per position of `axis`.
struct AffineConstant {
  std::shared_ptr<const Literal> data, scale, zero_point;
  int axis;
};

// One SSA value: an input, a result, or a constant (then `literal` or, before weights are read,
// `blob` is set).
struct Value {
  std::string name;
  TensorType type;
  size_t offset = 0;
  bool supported = true;  // false: a type this engine carries no data for (state, list, bf16 ...)
  std::shared_ptr<const Literal> literal;
  std::shared_ptr<const BlobReference> blob;
  std::shared_ptr<const AffineConstant> affine;  // of some constants
};

struct Operand {
  std::string_view name;
  size_t offset = 0;
  bool variadic = false;
  std::vector<int> values;
};

struct Operation {
  std::string_view op;
  size_t offset = 0;
  std::vector<Operand> operands;
  std::vector<int> results;
  const OpRow* row = nullptr;
};

struct Function {
  std::string name;
  std::vector<Value> values;
  std::vector<int> inputs;
  std::vector<int> outputs;
  std::vector<Operation> operations;
};

// By value the number of the operation it is a result of, or -1.
inline std::vector<int> Producers(const Function& function) {
  std::vector<int> producers(function.values.size(), -1);
  for (size_t i = 0; i < function.operations.size(); ++i) {
    for (int result : function.operations[i].results) producers[size_t(result)] = int(i);
  }
  return producers;
}

}  // namespace ane::engine
