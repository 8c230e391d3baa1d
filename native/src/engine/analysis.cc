#include "engine/analysis.h"

#include <algorithm>
#include <cstdlib>

#include "engine/blob.h"
#include "engine/lowering.h"
#include "engine/op_row.h"
#include "engine/scalar.h"

namespace ane::engine {
namespace {

// Results of constant operations above this size are computed when the program runs.
constexpr int64_t kMaxFolded = int64_t(1) << 28;

void DropUnused(Function* function) {
  std::vector<bool> used(function->values.size(), false);
  for (int output : function->outputs) used[size_t(output)] = true;
  std::vector<Operation> kept;
  for (size_t i = function->operations.size(); i-- > 0;) {
    Operation& operation = function->operations[i];
    const bool live = operation.op == "write_state" ||
                      std::any_of(operation.results.begin(), operation.results.end(),
                                  [&](int r) { return used[size_t(r)]; });
    if (!live) continue;
    for (const Operand& operand : operation.operands) {
      for (int value : operand.values) used[size_t(value)] = true;
    }
    kept.push_back(std::move(operation));
  }
  std::reverse(kept.begin(), kept.end());
  function->operations = std::move(kept);
}

class Analyser {
 public:
  Analyser(Function* function, const CompileOptions& options)
      : function_(*function), options_(options), pool_(1) {}

  void Run() {
    for (int input : function_.inputs) CheckInput(function_.values[size_t(input)]);
    std::vector<Operation> kept;
    for (Operation& operation : function_.operations) {
      for (const Operand& operand : operation.operands) {
        for (int value : operand.values) ReadWeights(&function_.values[size_t(value)]);
      }
      if (operation.op == "const") {
        DefineConstant(operation);
      } else if (!Check(&operation)) {
        kept.push_back(std::move(operation));
      }
    }
    function_.operations = std::move(kept);
    for (int output : function_.outputs) CheckOutput(function_.values[size_t(output)]);
  }

 private:
  void CheckInput(Value& value) {
    if (!value.supported)
      Fail(value.offset,
           "Expected a tensor for input " + value.name +
               ", got a type this engine does not run (state, list or another element type).");
    const auto given = options_.input_shapes.find(value.name);
    if (given == options_.input_shapes.end()) {
      const Shape& shape = value.type.shape;
      if (std::find(shape.begin(), shape.end(), kUnknownDim) != shape.end()) {
        Fail(value.offset, "Expected a shape for input " + value.name +
                               ", whose type has unknown dimensions " + ShapeText(shape) +
                               ", got none.");
      }
    } else {
      Match(value, {value.type.dtype, value.type.bits, given->second},
            "the given shape of input " + value.name);
      value.type.shape = given->second;
    }
    ExpectElements(value.type, value.offset, value.name);
  }

  // No surface is empty, and so is no value but a constant list that shapes or axes come from.
  static void ExpectElements(const TensorType& type, size_t offset, const std::string& name) {
    if (ElementCount(type.shape) == 0)
      Fail(offset, "Expected at least one element for " + name + ", got " + TypeText(type) + ".");
  }
  static bool IsList(const TensorType& type) {
    return type.shape.size() == 1 && !IsFloat(type.dtype);
  }

  // The found type must agree with the declared one, unknown dimensions aside.
  void Match(const Value& value, const TensorType& found, const std::string& what) const {
    const Shape& declared = value.type.shape;
    bool same = declared.size() == found.shape.size() && value.type.dtype == found.dtype;
    for (size_t i = 0; same && i < declared.size(); ++i) {
      same = declared[i] == found.shape[i] || (declared[i] == kUnknownDim && found.shape[i] >= 0);
    }
    if (!same)
      Fail(value.offset,
           "Expected " + TypeText(value.type) + " for " + what + ", got " + TypeText(found) + ".");
  }

  void ReadWeights(Value* value) const {
    if (value->blob == nullptr || value->literal != nullptr) return;
    const auto file = options_.blobs.find(value->blob->path);
    if (file == options_.blobs.end()) {
      Fail(value->offset, "Expected the bytes of weight file " + value->blob->path + ", got none.");
    }
    if (!value->supported)
      Fail(value->offset, "Expected an element type this engine reads, got another one.");
    auto literal = ReadBlob(file->second, value->blob->offset, value->type, options_.lenient_blobs);
    if (!literal.ok())
      Fail(value->offset, literal.status().message() + " File: " + value->blob->path + ".");
    value->literal = literal.value();
  }

  void DefineConstant(const Operation& operation) {
    const OpCall call(function_, operation);
    call.Check(operation.results.size() == 1, "val", "one result",
               std::to_string(operation.results.size()));
    const Literal& literal = call.Constant("val");
    Value& result = function_.values[size_t(operation.results[0])];
    Match(result, literal.type, result.name);
    result.type = literal.type;
    result.literal = function_.values[size_t(call.Id("val"))].literal;
  }

  void CheckOperands(const Operation& operation) const {
    const OpCall call(function_, operation);
    std::string_view rest = operation.row->operands;
    std::vector<std::string_view> names;
    while (!rest.empty()) {
      const size_t space = std::min(rest.find(' '), rest.size());
      std::string_view name = rest.substr(0, space);
      rest.remove_prefix(std::min(space + 1, rest.size()));
      const bool optional = name.back() == '?', variadic = name.back() == '*';
      if (optional || variadic) name.remove_suffix(1);
      call.Check(optional || call.Has(name), name, "a value", "nothing");
      if (!variadic && call.Has(name)) call.Id(name);
      names.push_back(name);
    }
    for (const Operand& operand : operation.operands) {
      if (std::find(names.begin(), names.end(), operand.name) != names.end()) continue;
      Fail(operand.offset, "Expected an operand of " + std::string(operation.op) + " (" +
                               operation.row->operands + "), got " + std::string(operand.name) +
                               ".");
    }
  }

  // True when the operation has been replaced by constants.
  bool Check(Operation* operation) {
    operation->row = FindOp(operation->op);
    if (operation->row == nullptr) {
      Fail(operation->offset,
           "Expected an operation this engine has, got '" + std::string(operation->op) + "'.");
    }
    for (const Operand& operand : operation->operands) {
      for (int value : operand.values) {
        if (!function_.values[size_t(value)].supported) {
          Fail(operand.offset, "Expected a tensor for " + std::string(operand.name) +
                                   ", got a type this engine does not run.");
        }
        const TensorType& type = function_.values[size_t(value)].type;
        if (!IsList(type)) ExpectElements(type, operand.offset, std::string(operand.name));
      }
    }
    CheckOperands(*operation);
    const OpCall call(function_, *operation);
    const std::vector<TensorType> types = operation->row->infer(call);
    if (types.size() != operation->results.size()) {
      Fail(operation->offset, "Expected " + std::to_string(types.size()) + " results of " +
                                  std::string(operation->op) + ", got " +
                                  std::to_string(operation->results.size()) + ".");
    }
    int64_t elements = 0;
    for (size_t i = 0; i < types.size(); ++i) {
      Value& result = function_.values[size_t(operation->results[i])];
      Match(result, types[i], result.name);
      double size = 1;
      for (int64_t dim : types[i].shape) size *= double(dim);
      if (size > 0x1p+40)
        Fail(result.offset, "Expected at most 2^40 elements, got " + TypeText(types[i]) + ".");
      result.type = types[i];
      elements += ElementCount(types[i].shape);
      if (!IsList(types[i])) ExpectElements(types[i], result.offset, result.name);
    }
    if (elements <= kMaxFolded && Fold(*operation)) return true;
    for (int id : operation->results) {
      const Value& result = function_.values[size_t(id)];
      ExpectElements(result.type, result.offset, result.name);
    }
    return false;
  }

  bool Fold(const Operation& operation) {
    const bool shape_only = operation.op == "shape";
    for (const Operand& operand : operation.operands) {
      for (int value : operand.values) {
        if (!shape_only && function_.values[size_t(value)].literal == nullptr) return false;
      }
    }
    // The operation alone, as a function without inputs.
    Function single;
    const auto add = [&](int id) {
      single.values.push_back(function_.values[size_t(id)]);
      return int(single.values.size()) - 1;
    };
    Operation copy = operation;
    for (Operand& operand : copy.operands) {
      for (int& value : operand.values) value = add(value);
    }
    std::vector<std::shared_ptr<Literal>> literals;
    std::vector<void*> outputs;
    for (int& result : copy.results) {
      const TensorType type = function_.values[size_t(result)].type;
      if (type.dtype == Dtype::kString) return false;
      literals.push_back(std::make_shared<Literal>());
      literals.back()->type = type;
      literals.back()->bytes.resize(size_t(ElementCount(type.shape)) * SizeOf(type.dtype));
      outputs.push_back(literals.back()->bytes.data());
      result = add(result);
      single.outputs.push_back(result);
    }
    single.operations.push_back(std::move(copy));
    Plan plan;
    Lowering(single, options_.exact, &plan).Run();
    const size_t bytes = (plan.scratch_bytes() + 63) / 64 * 64;
    const std::unique_ptr<void, decltype(&std::free)> scratch(
        std::aligned_alloc(64, std::max<size_t>(bytes, 64)), std::free);
    if (scratch == nullptr) throw std::bad_alloc();
    if (const char* message = plan.Run({}, outputs, scratch.get(), pool_))
      Fail(operation.offset, message);
    for (size_t i = 0; i < literals.size(); ++i)
      function_.values[size_t(operation.results[i])].literal = literals[i];
    if (operation.op == "constexpr_affine_dequantize") KeepAffine(operation);
    return true;
  }

  // Products of 8-bit numbers want the constant as it was stored.
  void KeepAffine(const Operation& operation) {
    const OpCall call(function_, operation);
    const auto literal = [&](std::string_view name) {
      return function_.values[size_t(call.Id(name))].literal;
    };
    const size_t rank = call.ShapeOf("quantized_data").size();
    function_.values[size_t(call.Result())].affine = std::make_shared<AffineConstant>(
        AffineConstant{literal("quantized_data"), literal("scale"), literal("zero_point"),
                       rank == 0 ? 0 : call.Axis(call.Int("axis"), rank, "axis")});
  }

  void CheckOutput(const Value& value) const {
    if (!value.supported || value.type.dtype == Dtype::kString) {
      Fail(value.offset, "Expected a tensor for output " + value.name + ", got another type.");
    }
  }

  Function& function_;
  const CompileOptions& options_;
  ThreadPool pool_;
};

}  // namespace

void Analyse(Function* function, const CompileOptions& options) {
  DropUnused(function);
  Analyser(function, options).Run();
  // Constants that folding used up.
  DropUnused(function);
}

}  // namespace ane::engine
