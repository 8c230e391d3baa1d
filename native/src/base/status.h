// Success or a named failure. Nothing in this library throws across a function boundary or prints.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace ane {

class [[nodiscard]] Status {
 public:
  Status() = default;
  // `code` is stable and machine-readable (ANE_COMPILE_FAILED, ANE_EVAL_FAILED, INVALID_ARGUMENT, OUT_OF_MEMORY);
  // `message` is one or two sentences for a person.
  Status(std::string code, std::string message) : code_(std::move(code)), message_(std::move(message)) {}
  bool ok() const { return code_.empty(); }
  const std::string& code() const { return code_; }
  const std::string& message() const { return message_; }

 private:
  std::string code_;
  std::string message_;
};

inline Status InvalidArgument(std::string message) { return {"INVALID_ARGUMENT", std::move(message)}; }

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}
  Result(Status status) : state_(std::move(status)) {}
  bool ok() const { return std::holds_alternative<T>(state_); }
  T& value() { return std::get<T>(state_); }
  const T& value() const { return std::get<T>(state_); }
  const Status& status() const { return std::get<Status>(state_); }

 private:
  std::variant<T, Status> state_;
};

}  // namespace ane
