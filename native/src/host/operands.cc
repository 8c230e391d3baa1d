#include "host/operands.h"

#include <cstdio>
#include <map>

#include "base/fp16.h"
#include "kernels/vec.h"

namespace ane {
namespace {

const char* Name(Dtype dtype) {
  switch (dtype) {
    case Dtype::kFp16:
      return "fp16";
    case Dtype::kFp32:
      return "fp32";
    case Dtype::kFp64:
      return "fp64";
    case Dtype::kInt8:
      return "int8";
    case Dtype::kUint8:
      return "uint8";
    case Dtype::kInt16:
      return "int16";
    case Dtype::kUint16:
      return "uint16";
    case Dtype::kInt32:
      return "int32";
    case Dtype::kUint32:
      return "uint32";
    case Dtype::kInt64:
      return "int64";
    case Dtype::kUint64:
      return "uint64";
    case Dtype::kBool:
      return "bool";
    case Dtype::kString:
      return "string";
  }
  return "unknown";
}

const char* Name(Types types) {
  switch (types) {
    case Types::kFloat:
      return "fp16 or fp32";
    case Types::kFp32:
      return "fp32";
    case Types::kFp64:
      return "fp64";
    case Types::kInt32:
      return "int32";
  }
  return "unknown";
}

bool Allows(Types types, Dtype dtype) {
  switch (types) {
    case Types::kFloat:
      return dtype == Dtype::kFp16 || dtype == Dtype::kFp32;
    case Types::kFp32:
      return dtype == Dtype::kFp32;
    case Types::kFp64:
      return dtype == Dtype::kFp64;
    case Types::kInt32:
      return dtype == Dtype::kInt32;
  }
  return false;
}

std::string Text(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", number);
  return text;
}

class Checker {
 public:
  explicit Checker(const char* kernel) : kernel_(kernel) {}

  Status Fail(const std::string& expected, const std::string& name, const std::string& got) const {
    return InvalidArgument("Expected " + expected + " for " + name + " of " + kernel_ + ", got " + got + ".");
  }

  Status Size(const char* name, const char* which, Dimension dimension, int64_t got) {
    if (dimension.symbol == '*') return {};
    int64_t wanted = dimension.size;
    if (dimension.symbol != 0) wanted = sizes_.try_emplace(dimension.symbol, got).first->second;
    if (wanted == got) return {};
    return Fail(std::to_string(wanted) + " " + which, name, std::to_string(got));
  }

  Status View(const ViewRule& rule, const TensorView& view) {
    if (!Allows(rule.types, view.dtype)) return Fail(Name(rule.types), rule.name, Name(view.dtype));
    if (Status status = Size(rule.name, "rows", rule.rows, view.rows); !status.ok()) return status;
    if (Status status = Size(rule.name, "columns", rule.cols, view.cols); !status.ok()) return status;
    if (rule.contiguous_rows && view.col_stride != 1 && view.cols > 1) {
      return Fail("rows without gaps (a column stride of 1)", rule.name,
                  "a column stride of " + std::to_string(view.col_stride));
    }
    return {};
  }

 private:
  const char* kernel_;
  std::map<char, int64_t> sizes_;
};

}  // namespace

Status CheckOperands(const char* kernel, const KernelOperands& operands, std::initializer_list<ViewRule> views,
                     std::initializer_list<NumberRule> numbers) {
  Checker checker(kernel);
  std::string known;
  for (const ViewRule& rule : views) {
    known += (known.empty() ? "" : ", ") + std::string(rule.name);
    const auto found = operands.views.find(rule.name);
    const size_t count = found == operands.views.end() ? 0 : found->second.size();
    if (count == 0 && rule.presence == Presence::kOne) return checker.Fail("a view", rule.name, "none");
    if (count > 1 && rule.presence != Presence::kMany)
      return checker.Fail("one view", rule.name, std::to_string(count));
    for (size_t i = 0; i < count; ++i) {
      if (Status status = checker.View(rule, found->second[i]); !status.ok()) return status;
    }
  }
  for (const NumberRule& rule : numbers) {
    known += (known.empty() ? "" : ", ") + std::string(rule.name);
    const auto found = operands.numbers.find(rule.name);
    if (found == operands.numbers.end()) return checker.Fail("a number", rule.name, "none");
    const double number = found->second;
    if (rule.kind == NumberKind::kFlag && number != 0 && number != 1)
      return checker.Fail("0 or 1", rule.name, Text(number));
    if (rule.kind == NumberKind::kNotNegative && !(number >= 0)) {
      return checker.Fail("a number of at least 0", rule.name, Text(number));
    }
  }
  const auto unknown = [&](const std::string& name) { return checker.Fail("one of " + known, "an operand", name); };
  for (const auto& [name, view] : operands.views) {
    bool found = false;
    for (const ViewRule& rule : views) found = found || name == rule.name;
    if (!found) return unknown(name);
  }
  for (const auto& [name, number] : operands.numbers) {
    bool found = false;
    for (const NumberRule& rule : numbers) found = found || name == rule.name;
    if (!found) return unknown(name);
  }
  return {};
}

const TensorView& ViewOf(const KernelOperands& operands, const char* name) {
  return operands.views.find(name)->second[0];
}

const TensorView* OptionalView(const KernelOperands& operands, const char* name) {
  const auto found = operands.views.find(name);
  return found == operands.views.end() || found->second.empty() ? nullptr : &found->second[0];
}

double NumberOf(const KernelOperands& operands, const char* name) { return operands.numbers.find(name)->second; }

const float* ReadSegment(const TensorView& view, int64_t r, int64_t c, int64_t n, float* buffer) {
  if (view.dtype == Dtype::kFp32) {
    const float* p = Element<float>(view, r, c);
    if (view.col_stride == 1) return p;
    for (int64_t i = 0; i < n; ++i) buffer[i] = p[i * view.col_stride];
    return buffer;
  }
  const uint16_t* p = Element<uint16_t>(view, r, c);
  if (view.col_stride == 1) {
    Vec().fp16_to_fp32(buffer, p, n);
  } else {
    for (int64_t i = 0; i < n; ++i) buffer[i] = Fp16ToFp32(p[i * view.col_stride]);
  }
  return buffer;
}

void WriteSegment(const TensorView& view, int64_t r, int64_t c, int64_t n, const float* values) {
  if (view.dtype == Dtype::kFp32) {
    float* p = Element<float>(view, r, c);
    if (p == values && view.col_stride == 1) return;
    for (int64_t i = 0; i < n; ++i) p[i * view.col_stride] = values[i];
    return;
  }
  uint16_t* p = Element<uint16_t>(view, r, c);
  if (view.col_stride == 1) {
    Vec().fp32_to_fp16(p, values, n);
  } else {
    for (int64_t i = 0; i < n; ++i) p[i * view.col_stride] = Fp32ToFp16(values[i]);
  }
}

}  // namespace ane
