#include "engine/parser.h"

#include <unordered_map>

#include "engine/lexer.h"
#include "engine/type_parser.h"
#include "engine/value_parser.h"

namespace ane::engine {
namespace {

constexpr size_t kMaxText = size_t(256) << 20;
constexpr size_t kMaxValues = 1000000;
constexpr size_t kMaxFunctions = 1024;

class FunctionParser {
 public:
  explicit FunctionParser(Lexer& lexer) : lexer_(lexer) {}

  Function Run() {
    lexer_.ExpectWord("func");
    function_.name = lexer_.ExpectIdentifier("a function name");
    Opset();
    lexer_.Expect('(');
    while (!lexer_.Is(')')) {
      function_.inputs.push_back(Declare());
      if (!lexer_.Accept(',')) break;
    }
    lexer_.Expect(')');
    if (lexer_.Is('[')) SkipAttributes(lexer_);
    lexer_.Expect('{');
    while (!lexer_.Is('}')) ParseOperation();
    lexer_.Expect('}');
    Outputs();
    lexer_.Accept(';');
    Resolve();
    return std::move(function_);
  }

 private:
  // Operands of one operation as written; references are resolved once the whole text has been
  // read, so that a spelling error is reported where it is.
  struct Reference {
    std::string_view name;
    size_t offset;
    int value;  // -1: look `name` up
  };
  struct Pending {
    std::vector<std::vector<Reference>> operands;
  };

  void Opset() {
    if (!lexer_.Accept('<')) return;
    lexer_.ExpectIdentifier("an operator set");
    lexer_.Expect('>');
  }

  int Add(Value value) {
    if (function_.values.size() >= kMaxValues)
      Fail(value.offset, "Expected at most a million values, got more.");
    function_.values.push_back(std::move(value));
    return int(function_.values.size()) - 1;
  }

  int Declare() {
    const TextType type = ParseType(lexer_);
    const size_t offset = lexer_.Peek().offset;
    Value value;
    value.name = lexer_.ExpectIdentifier("a name");
    value.offset = offset;
    value.type = type.tensor;
    value.supported = type.supported;
    return Add(std::move(value));
  }

  void ParseOperation() {
    Operation operation;
    Pending pending;
    do operation.results.push_back(Declare());
    while (lexer_.Accept(','));
    lexer_.Expect('=');
    operation.offset = lexer_.Peek().offset;
    operation.op = lexer_.ExpectIdentifier("an operation");
    Opset();
    lexer_.Expect('(');
    while (!lexer_.Is(')')) {
      ParseOperand(&operation, &pending);
      if (!lexer_.Accept(',')) break;
    }
    lexer_.Expect(')');
    const bool constant = operation.op == "const" || operation.op.substr(0, 10) == "constexpr_";
    if (lexer_.Is('[')) {
      if (constant) {
        ParseConstantAttributes(&operation, &pending);
      } else {
        SkipAttributes(lexer_);
      }
    }
    if (lexer_.Is('{'))
      Fail(lexer_.Peek().offset,
           "Expected ';', got a nested block, which this engine does not run.");
    lexer_.Expect(';');
    function_.operations.push_back(std::move(operation));
    pending_.push_back(std::move(pending));
  }

  void ParseOperand(Operation* operation, Pending* pending) {
    Operand operand;
    operand.offset = lexer_.Peek().offset;
    operand.name = lexer_.ExpectIdentifier("an operand name");
    lexer_.Expect('=');
    std::vector<Reference> references;
    if (lexer_.Accept('(')) {
      operand.variadic = true;
      while (!lexer_.Is(')')) {
        references.push_back(ParseBinding());
        if (!lexer_.Accept(',')) break;
      }
      lexer_.Expect(')');
    } else {
      references.push_back(ParseBinding());
    }
    AddOperand(operation, pending, std::move(operand), std::move(references));
  }

  void AddOperand(Operation* operation, Pending* pending, Operand operand,
                  std::vector<Reference> references) {
    for (const Operand& other : operation->operands) {
      if (other.name == operand.name) {
        Fail(operand.offset,
             "Expected operand " + std::string(operand.name) + " once, got it twice.");
      }
    }
    operation->operands.push_back(std::move(operand));
    pending->operands.push_back(std::move(references));
  }

  Reference ParseBinding() {
    const Token token = lexer_.Peek();
    if (token.kind != TokenKind::kIdentifier)
      return {{}, token.offset, Add(ParseBareLiteral(lexer_))};
    lexer_.Next();
    if (token.text == "true" || token.text == "false") {
      return {{}, token.offset, Add(BoolLiteral(token))};
    }
    if (lexer_.Is('<') || lexer_.Is('(')) {
      return {{}, token.offset, Add(ParseTypedValue(lexer_, token))};
    }
    return {token.text, token.offset, -1};
  }

  void ParseConstantAttributes(Operation* operation, Pending* pending) {
    lexer_.Expect('[');
    while (!lexer_.Is(']')) {
      Operand operand;
      operand.offset = lexer_.Peek().offset;
      operand.name = lexer_.ExpectIdentifier("an attribute name");
      lexer_.Expect('=');
      if (operand.name == "name") {
        SkipTypedValue(lexer_);
      } else {
        AddOperand(operation, pending, std::move(operand), {ParseBinding()});
      }
      if (!lexer_.Accept(',')) break;
    }
    lexer_.Expect(']');
  }

  void Outputs() {
    if (lexer_.Peek().kind != TokenKind::kArrow) lexer_.FailHere("'->'");
    lexer_.Next();
    lexer_.Expect('(');
    while (!lexer_.Is(')')) {
      const size_t offset = lexer_.Peek().offset;
      outputs_.push_back({lexer_.ExpectIdentifier("an output name"), offset, -1});
      if (!lexer_.Accept(',')) break;
    }
    lexer_.Expect(')');
  }

  int LookUp(const Reference& reference) const {
    if (reference.value >= 0) return reference.value;
    const auto found = names_.find(reference.name);
    if (found == names_.end()) {
      Fail(reference.offset,
           "Expected a value defined before, got '" + std::string(reference.name) + "'.");
    }
    return found->second;
  }

  void Define(int id, const Operation* operation) {
    const Value& value = function_.values[size_t(id)];
    const auto [found, added] = names_.emplace(value.name, id);
    // The Neural Engine compiler tolerates a repeated const; later uses then mean the later one.
    if (!added && (operation == nullptr || operation->op != "const")) {
      Fail(value.offset, "Expected a new name, got '" + value.name + "' a second time.");
    }
    found->second = id;
  }

  void Resolve() {
    names_.reserve(function_.values.size());
    for (int id : function_.inputs) Define(id, nullptr);
    for (size_t i = 0; i < function_.operations.size(); ++i) {
      Operation& operation = function_.operations[i];
      for (size_t k = 0; k < operation.operands.size(); ++k) {
        for (const Reference& reference : pending_[i].operands[k]) {
          operation.operands[k].values.push_back(LookUp(reference));
        }
      }
      for (int id : operation.results) Define(id, &operation);
    }
    for (const Reference& reference : outputs_) function_.outputs.push_back(LookUp(reference));
  }

  Lexer& lexer_;
  Function function_;
  std::vector<Pending> pending_;
  std::vector<Reference> outputs_;
  std::unordered_map<std::string_view, int> names_;
};

}  // namespace

std::vector<Function> Parse(std::string_view text) {
  if (text.size() > kMaxText)
    Fail(0, "Expected at most 256 MiB of text, got " + std::to_string(text.size()) + " bytes.");
  Lexer lexer(text);
  lexer.ExpectWord("program");
  lexer.Expect('(');
  if (lexer.Peek().kind != TokenKind::kNumber) lexer.FailHere("a version number");
  lexer.Next();
  lexer.Expect(')');
  if (lexer.Is('[')) SkipAttributes(lexer);
  lexer.Expect('{');
  std::vector<Function> functions;
  while (!lexer.Is('}')) {
    const size_t offset = lexer.Peek().offset;
    functions.push_back(FunctionParser(lexer).Run());
    if (functions.size() > kMaxFunctions)
      Fail(offset, "Expected at most 1024 functions, got more.");
    for (size_t i = 0; i + 1 < functions.size(); ++i) {
      if (functions[i].name == functions.back().name) {
        Fail(offset,
             "Expected a new function name, got '" + functions[i].name + "' a second time.");
      }
    }
  }
  lexer.Expect('}');
  if (lexer.Peek().kind != TokenKind::kEnd) lexer.FailHere("the end of the text");
  if (functions.empty()) Fail(text.size(), "Expected at least one function, got none.");
  return functions;
}

}  // namespace ane::engine
