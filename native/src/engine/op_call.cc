#include "engine/op_call.h"

#include "engine/scalar.h"

namespace ane::engine {

const Operand* OpCall::Find(std::string_view name) const {
  for (const Operand& operand : operation_.operands) {
    if (operand.name == name) return &operand;
  }
  return nullptr;
}

void OpCall::Fail(std::string_view operand, const std::string& message) const {
  const Operand* found = Find(operand);
  engine::Fail(found != nullptr ? found->offset : operation_.offset, message);
}

void OpCall::Check(bool condition, std::string_view operand, const std::string& what,
                   const std::string& got) const {
  if (!condition) {
    Fail(operand, "Expected " + what + " for " + std::string(operand) + " of " +
                      std::string(operation_.op) + ", got " + got + ".");
  }
}

int OpCall::Id(std::string_view name) const {
  const std::vector<int>& ids = Ids(name);
  Check(ids.size() == 1, name, "one value", std::to_string(ids.size()));
  return ids[0];
}

const std::vector<int>& OpCall::Ids(std::string_view name) const {
  const Operand* operand = Find(name);
  Check(operand != nullptr, name, "a value", "nothing");
  return operand->values;
}

const Literal* OpCall::ConstantOrNull(std::string_view name) const {
  return Has(name) ? function_.values[size_t(Id(name))].literal.get() : nullptr;
}

const Literal& OpCall::Constant(std::string_view name) const {
  const Literal* literal = ConstantOrNull(name);
  Check(literal != nullptr, name, "a constant",
        Has(name) ? "a value known only at run time" : "nothing");
  return *literal;
}

std::vector<double> OpCall::Numbers(std::string_view name) const {
  const Literal& literal = Constant(name);
  Check(literal.type.dtype != Dtype::kString, name, "numbers", "a string");
  return NumbersOf(literal);
}

std::vector<int64_t> OpCall::Ints(std::string_view name) const {
  const Dtype dtype = Constant(name).type.dtype;
  Check(!IsFloat(dtype) && dtype != Dtype::kFp64, name, "integers", DtypeName(dtype));
  const std::vector<double> numbers = Numbers(name);
  for (double number : numbers) {
    Check(std::fabs(number) <= 0x1p+53, name, "integers within 2^53", std::to_string(number));
  }
  return {numbers.begin(), numbers.end()};
}

int64_t OpCall::Int(std::string_view name) const {
  const std::vector<int64_t> numbers = Ints(name);
  Check(numbers.size() == 1, name, "one number", std::to_string(numbers.size()));
  return numbers[0];
}

std::vector<int64_t> OpCall::Ints(std::string_view name, std::vector<int64_t> otherwise) const {
  return Has(name) ? Ints(name) : otherwise;
}

std::vector<int64_t> OpCall::Flags(std::string_view name, size_t count) const {
  if (!Has(name)) return std::vector<int64_t>(count, 0);
  std::vector<int64_t> flags = Ints(name);
  Check(flags.size() == count, name, std::to_string(count) + " elements",
        std::to_string(flags.size()));
  return flags;
}

double OpCall::Number(std::string_view name) const {
  const std::vector<double> numbers = Numbers(name);
  Check(numbers.size() == 1, name, "one number", std::to_string(numbers.size()));
  return numbers[0];
}

std::string OpCall::Text(std::string_view name, std::string otherwise) const {
  if (!Has(name)) return otherwise;
  const Literal& literal = Constant(name);
  Check(literal.strings.size() == 1, name, "a string", TypeText(literal.type));
  return literal.strings[0];
}

int OpCall::Axis(int64_t axis, size_t rank, std::string_view name) const {
  const int64_t wrapped = axis < 0 ? axis + int64_t(rank) : axis;
  Check(wrapped >= 0 && wrapped < int64_t(rank), name,
        "an axis of " + std::to_string(rank) + " dimensions", std::to_string(axis));
  return int(wrapped);
}

std::vector<double> NumbersOf(const Literal& literal) {
  std::vector<double> numbers(size_t(ElementCount(literal.type.shape)));
  for (size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = LoadDouble(literal.bytes.data(), literal.type.dtype, int64_t(i));
  }
  return numbers;
}

}  // namespace ane::engine
