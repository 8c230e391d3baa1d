// The one list of classes and methods the bridge calls, each looked up once and compared with its expected prototype.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "ane/objc_runtime.h"
#include "base/status.h"

namespace ane {

enum class Call : size_t {
  kStringWithUtf8,
  kStringUtf8,
  kDataWithBytes,
  kNumberWithInt,
  kNumberWithUnsigned,
  kArray,
  kArrayAdd,
  kDictionary,
  kDictionarySet,
  kErrorDescription,
  kErrorDomain,
  kErrorCode,
  kDescriptorWithText,
  kModelWithDescriptor,
  kModelIdentifier,
  kModelCompile,
  kModelLoad,
  kModelEvaluate,
  kModelUnload,
  kRequestWith,
  kSurfaceObject,
  kSetPerfStatsMask,
  kStatsWithTime,
  kRequestStats,
  kStatsTime,
  kHasAne,
  kAneSubType,
  kAneCores,
  kBuildVersion,
  kCount,
};

// One method as the table expects it and as this system has it.
struct MethodReport {
  std::string name;      // +[Class selector:] or -[Class selector:]
  std::string expected;  // type encoding without offsets
  std::string found;     // the same of this system, empty when the class or the selector is missing
  bool required;
  bool ok;
  std::string evidence;
};

class MethodTable {
 public:
  // Looks everything up. Fails with ANE_UNAVAILABLE naming the first required class or method that is missing or has
  // another prototype.
  static Result<MethodTable> Resolve(const ObjcRuntime& objc);
  // The same for a person: every row, nothing fails.
  static std::vector<MethodReport> Report(const ObjcRuntime& objc);

  // False for an optional method this system lacks.
  bool has(Call call) const { return rows_[Index(call)].selector != nullptr; }

  // Sends to an object; `call` is an instance method that exists.
  template <typename R, typename... Args>
  R Send(Call call, const void* receiver, Args... args) const {
    return objc_->Send<R>(receiver, rows_[Index(call)].selector, args...);
  }
  // Sends to the class of a class method that exists.
  template <typename R, typename... Args>
  R SendClass(Call call, Args... args) const {
    const Row& row = rows_[Index(call)];
    return objc_->Send<R>(row.receiver, row.selector, args...);
  }

 private:
  struct Row {
    ObjcClass receiver = nullptr;
    Selector selector = nullptr;
  };
  static constexpr size_t Index(Call call) { return static_cast<size_t>(call); }

  const ObjcRuntime* objc_ = nullptr;
  std::array<Row, static_cast<size_t>(Call::kCount)> rows_;
};

// A type encoding without offsets, qualifiers, names and pointed-to types other than objects: "B36@0:8I16@20^@28" is
// "B@:I@^@".
std::string PlainEncoding(const char* encoding);

}  // namespace ane
