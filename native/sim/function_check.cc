// Applies the compiler's rules to a function.
#include <algorithm>
#include <bit>
#include <map>
#include <set>

#include "engine/lexer.h"
#include "engine/literal.h"
#include "sim/function_facts.h"
#include "sim/rules.h"

namespace ane::sim {
namespace {

using engine::Function;
using engine::Operand;
using engine::Operation;
using engine::TensorType;
using engine::Value;

bool IsOneOf(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

class Check {
 public:
  Check(const Function& function, std::string_view text, const Settings& settings)
      : function_(function), text_(text), settings_(settings), facts_(function) {}

  Refusal Run() {
    for (int input : function_.inputs) CheckEnd(function_.values[size_t(input)], "input");
    for (int output : function_.outputs) {
      const Value& value = function_.values[size_t(output)];
      CheckEnd(value, "output");
      if (facts_.IsConstant(output) || facts_.Producer(output) == nullptr)
        Break("C-08", value.offset, "output " + value.name);
    }
    if (function_.inputs.size() > 1) {
      const Value& second = function_.values[size_t(function_.inputs[1])];
      Break("C-76", second.offset, std::to_string(function_.inputs.size()) + " inputs");
    }
    for (const Operation& operation : function_.operations) CheckOperation(operation);
    CheckContestedForms(function_, facts_, [this](const char* id, size_t offset, auto& what) {
      Break(id, offset, what);
    });
    CheckSoleIdentity();
    CheckBlobs();
    CheckSpelling();
    return refusal_;
  }

 private:
  void Break(const char* id, size_t offset, const std::string& what) {
    const Verdict verdict = Judge(settings_, id);
    if (verdict == Verdict::kNone) return;
    const auto [line, column] = engine::LineAndColumn(text_, std::min(offset, text_.size()));
    std::string message = "line " + std::to_string(line) + ", column " + std::to_string(column) +
                          ": " + what + ": " + FindRule(id)->symptom;
    const std::string rule = std::string(id).substr(0, std::string(id).find('-', 2));
    if (verdict == Verdict::kWarn) return RecordFinding({rule, message, false});
    if (refusal_.rule.empty()) refusal_ = {rule, std::move(message)};
  }

  void CheckEnd(const Value& value, const char* what) {
    const TensorType& type = value.type;
    const std::string name =
        std::string(what) + " " + value.name + " of type " + engine::TypeText(type);
    if (type.bits > 0) {
      Break("C-36", value.offset, name);
    } else if (IsOneOf(engine::DtypeName(type.dtype), {"int8", "uint8", "bool"})) {
      Break("C-79", value.offset, name);
    } else if (type.dtype == Dtype::kFp32) {
      Break("C-78", value.offset, name);
    } else if (type.dtype != Dtype::kFp16) {
      Break("C-35", value.offset, name);
    }
    if (IsTooLarge(type.shape)) Break("C-60", value.offset, name);
    if (type.shape.size() != 4 || type.shape[0] != 1 || type.shape[2] != 1)
      Break("C-50", value.offset, name);
    static const std::set<std::string> kOddNames = {"var", "diff", "mean", "std",   "eps", "x",
                                                    "y",   "mul",  "add",  "rsqrt", "c",   "C"};
    if (kOddNames.contains(value.name)) Break("C-09", value.offset, value.name);
  }

  // More columns, rows or channels than the chip takes.
  bool IsTooLarge(const engine::Shape& shape) const {
    if (shape.size() < 2) return !shape.empty() && shape[0] > settings_.chip->max_width;
    const int64_t channels = shape.size() == 2 ? shape[0] : shape.end()[-3];
    return std::max(shape.end()[-1], shape.end()[-2]) > settings_.chip->max_width ||
           channels > 65536;
  }

  void CheckOperation(const Operation& operation) {
    if (operation.op == "const") return;
    for (const int result : operation.results) {
      const Value& value = function_.values[size_t(result)];
      if (IsTooLarge(value.type.shape))
        Break("C-60", value.offset, value.name + " of type " + engine::TypeText(value.type));
    }
    const bool folded = facts_.AreConstant(operation.results);
    const std::string op(operation.op);
    if (folded && op.substr(0, 10) != "constexpr_") return;
    if (const char* rule = RuleOfOperation(op)) Break(rule, operation.offset, op);
    if (op == "conv") CheckConvolution(operation);
    if (op == "matmul") CheckMatmul(operation);
    if (op == "softmax") CheckSoftmax(operation);
    if (op == "layer_norm") CheckLayerNorm(operation);
    if (op == "mul") CheckZeroProduct(operation);
    if (op == "scaled_dot_product_attention" && facts_.Find(operation, "attn_mask") != nullptr)
      Break("C-20", operation.offset, op);
    if (op.substr(0, 6) == "gather" && !facts_.IsConstant(operation, "indices"))
      Break("C-26-gather", operation.offset, op);
    if (op.substr(0, 9) == "slice_by_" && !facts_.IsConstant(operation, "begin"))
      Break("C-43-order", operation.offset, op);
    if (op == "cast") {
      const TensorType& type = function_.values[size_t(operation.results[0])].type;
      if (type.bits > 0) Break("C-36", operation.offset, "cast to a sub-byte type");
      if (type.dtype == Dtype::kInt32) Break("C-35", operation.offset, "cast to int32");
    }
    if (op == "reduce_mean") {
      for (const double axis : facts_.NumbersOf(operation, "axes")) {
        if (axis == 1) Break("C-30", operation.offset, op);
      }
    }
  }

  void CheckConvolution(const Operation& operation) {
    if (facts_.Find(operation, "bias") != nullptr)
      Break("C-23", operation.offset, "conv with bias");
    if (!facts_.IsConstant(operation, "weight"))
      Break("C-33", operation.offset, "conv with a runtime weight");
    const Value* weight = facts_.ValueOf(operation, "weight");
    if (weight == nullptr || weight->type.shape.size() < 3) return;
    const engine::Shape& shape = weight->type.shape;  // [out, in / groups, …, kernel width]
    if (shape[1] >= 32000 || shape[0] >= 124160)
      Break("C-34", operation.offset, "conv with a weight " + engine::ShapeText(shape));
    if (shape.back() > settings_.chip->max_kernel_width)
      Break("C-60", operation.offset, "conv with a kernel " + engine::ShapeText(shape));
  }

  void CheckMatmul(const Operation& operation) {
    for (const char* name : {"transpose_x", "transpose_y"}) {
      const Operand* flag = facts_.Find(operation, name);
      if (flag != nullptr && facts_.Producer(flag->values[0]) == nullptr)
        Break("C-07", operation.offset, std::string("matmul with an inline ") + name);
    }
    const Value* x = facts_.ValueOf(operation, "x");
    if (facts_.IsOddProduct(operation))
      Break("C-58", operation.offset, "matmul over " + engine::ShapeText(x->type.shape));
  }

  void CheckSoftmax(const Operation& operation) {
    const Value* x = facts_.ValueOf(operation, "x");
    const std::vector<double> axis = facts_.NumbersOf(operation, "axis");
    if (x == nullptr || axis.empty()) return;
    const int64_t rank = int64_t(x->type.shape.size()),
                  at = int64_t(axis[0]) + (axis[0] < 0 ? rank : 0);
    if (at < 0 || at >= rank) return;
    const int64_t size = x->type.shape[size_t(at)];
    if (size > 0 && !std::has_single_bit(uint64_t(size)))
      Break("C-31", operation.offset, "softmax over " + std::to_string(size));
  }

  void CheckLayerNorm(const Operation& operation) {
    const Value* x = facts_.ValueOf(operation, "x");
    const std::vector<double> axes = facts_.NumbersOf(operation, "axes");
    if (x == nullptr || axes.empty()) return;
    int64_t size = 1;
    for (const double axis : axes) {
      const int64_t rank = int64_t(x->type.shape.size()),
                    at = int64_t(axis) + (axis < 0 ? rank : 0);
      if (at >= 0 && at < rank) size *= x->type.shape[size_t(at)];
    }
    const std::string what = "layer_norm over " + std::to_string(size);
    if (size >= 10240) Break("C-42", operation.offset, what);
    if (size == 1024 || size == 1536 || size == 2560 || size == 4096)
      Break("C-42-sizes", operation.offset, what);
  }

  void CheckZeroProduct(const Operation& operation) {
    for (const auto& [one, other] : {std::pair{"x", "y"}, {"y", "x"}}) {
      const Operand* operand = facts_.Find(operation, one);
      const Operation* producer =
          operand == nullptr ? nullptr : facts_.Producer(operand->values[0]);
      if (producer == nullptr || producer->op.substr(0, 7) != "reduce_") continue;
      const std::vector<double> numbers = facts_.NumbersOf(operation, other);
      if (numbers.size() == 1 && numbers[0] == 0) Break("C-41", operation.offset, "mul");
    }
  }

  void CheckSpelling() {
    if (text_.find("coremlc-version") == std::string_view::npos) Break("C-06", 0, "the program");
    const size_t open = text_.find('(');
    double version = 0;
    if (open != std::string_view::npos)
      engine::ParseDouble(text_.substr(open + 1, text_.find(')', open) - open - 1), &version);
    const size_t opset = text_.find("<ios18>");
    if (version >= 1.3) {
      Break(
          "C-04", 0,
          "program(" + std::string(text_.substr(open + 1, text_.find(')', open) - open - 1)) + ")");
    } else {
      if (opset != std::string_view::npos) Break("C-04", opset, "ios18");
      Break("C-05", 0, "the program");
    }
  }

  void CheckSoleIdentity() {
    if (function_.outputs.size() != 1) return;
    const Operation* producer = facts_.Producer(function_.outputs[0]);
    if (producer != nullptr && producer->op == "identity")
      Break("C-10", producer->offset, "identity");
  }

  void CheckBlobs() {
    std::map<std::string, std::set<uint64_t>> files;
    size_t records = 0, offset = 0;
    for (const Value& value : function_.values) {
      if (value.blob == nullptr || !files[value.blob->path].insert(value.blob->offset).second)
        continue;
      ++records;
      if (files[value.blob->path].size() == 2) Break("C-92", value.offset, value.blob->path);
      offset = value.offset;
    }
    if (settings_.chip->max_blobs > 0 && records > size_t(settings_.chip->max_blobs))
      Break("C-64", offset, std::to_string(records) + " weight blobs");
  }

  const Function& function_;
  const std::string_view text_;
  const Settings& settings_;
  const FunctionFacts facts_;
  Refusal refusal_;
};

}  // namespace

Refusal CheckFunction(const Function& function, std::string_view text, const Settings& settings) {
  return Check(function, text, settings).Run();
}

}  // namespace ane::sim
