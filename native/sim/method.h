// From C++ functions to Objective-C methods: the type encoding follows from the C++ types, and
// nothing is thrown across the C boundary.
#pragma once

#include <string>

#include "sim/object.h"
#include "sim/state.h"

namespace ane::sim {

// The type code, and the bytes it takes in a method's argument frame.
struct Encoding {
  const char* code;
  int bytes;
};
template <typename T>
constexpr Encoding EncodingOf() {
  if constexpr (std::is_void_v<T>)
    return {"v", 0};
  else if constexpr (std::is_same_v<T, bool>)
    return {"B", 4};
  else if constexpr (std::is_same_v<T, int8_t>)
    return {"c", 4};
  else if constexpr (std::is_same_v<T, int32_t>)
    return {"i", 4};
  else if constexpr (std::is_same_v<T, uint32_t>)
    return {"I", 4};
  else if constexpr (std::is_same_v<T, int64_t>)
    return {"q", 8};
  else if constexpr (std::is_same_v<T, uint64_t>)
    return {"Q", 8};
  else if constexpr (std::is_same_v<T, double>)
    return {"d", 8};
  else if constexpr (std::is_same_v<T, const char*>)
    return {"r*", 8};
  else if constexpr (std::is_same_v<T, const void*>)
    return {"r^v", 8};
  else if constexpr (std::is_same_v<T, void*>)
    return {"^v", 8};
  else if constexpr (std::is_same_v<T, Id*>)
    return {"^@", 8};
  else if constexpr (std::is_same_v<T, Sel>)
    return {":", 8};
  else if constexpr (std::is_same_v<T, Class*>)
    return {"#", 8};
  else if constexpr (std::is_same_v<T, IoSurfaceRef>)
    return {"^{__IOSurface=}", 8};
  else
    return {"@", 8};
}

template <typename R, typename... Args>
std::string TypeEncoding() {
  int bytes = 16;
  std::string arguments = "@0:8";
  ((arguments += EncodingOf<Args>().code + std::to_string(bytes),
    bytes += EncodingOf<Args>().bytes),
   ...);
  return EncodingOf<R>().code + std::to_string(bytes) + arguments;
}

template <auto F>
struct Bound;
template <typename R, typename Self, typename... Args, R (*F)(Self*, Args...)>
struct Bound<F> {
  static R Call(Id self, Sel, Args... args) noexcept {
    try {
      return F(static_cast<Self*>(self), args...);
    } catch (const std::exception& error) {
      RecordError(std::string("Expected a call without failure, got ") + error.what() + ".");
    } catch (...) {
      RecordError("Expected a call without failure, got another exception.");
    }
    if constexpr (!std::is_void_v<R>) return R{};
  }
  static std::string Types() { return TypeEncoding<R, Args...>(); }
};

// F(self, arguments…). Class methods take `Class* self`.
template <auto F>
void Add(Class* to, const char* selector) {
  AddMethod(to, selector, Bound<F>::Types(), reinterpret_cast<Imp>(&Bound<F>::Call));
}
template <auto F>
void AddClassMethod(Class* to, const char* selector) {
  Add<F>(to->isa, selector);
}

template <typename T>
Class* Register(const char* name, Class* superclass, bool framework = false) {
  kClass<T> =
      RegisterClass(name, superclass, framework, [](Object* o) { delete static_cast<T*>(o); });
  return kClass<T>;
}

}  // namespace ane::sim
