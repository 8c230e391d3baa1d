// Objects and classes of a small Objective-C runtime: just enough for a program that talks to a
// framework through objc_msgSend. It knows nothing of the classes it holds.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <vector>

namespace ane::sim {

struct Class;
struct Selector {
  std::string name;
};
using Sel = const Selector*;
using Imp = void (*)();

// Starts with the class pointer, like every Objective-C object.
struct Object {
  Class* isa = nullptr;
  std::atomic<int64_t> references{1};
};
using Id = Object*;
using IoSurfaceRef = struct Surface*;

struct Method {
  Sel name;
  std::string types;  // as method_getTypeEncoding gives it, with frame offsets
  Imp implementation;
  std::atomic<bool> missing{false};  // an injected fault
};

struct Class : Object {
  std::string name;
  Class* superclass = nullptr;
  bool meta = false;       // the class of a class: its methods are the class methods
  bool framework = false;  // of the private framework, which may be missing
  std::unordered_map<Sel, std::unique_ptr<Method>> methods;
  void (*destroy)(Object*) = nullptr;
};

Sel Intern(const char* name);
// nullptr when neither the class nor one above it has the method.
Method* FindMethod(const Class* of, Sel name);
Class* FindClass(const std::string& name);
std::vector<Class*> AllClasses();

// Registered once, before anything else runs. `T` derives from Object and gets its `kClass`.
Class* RegisterClass(const char* name, Class* superclass, bool framework, void (*destroy)(Object*));
void AddMethod(Class* to, const char* selector, const std::string& types, Imp implementation);

// Objects that exist, so that a stale pointer is reported instead of followed.
void Enrol(Object* object, Class* isa);
bool IsLive(const Object* object);
bool IsKindOf(const Object* object, const Class* of);  // false for nil and for what is not live
// Objects other than classes and constants.
int64_t LiveObjects();
// A constant: never freed, never counted.
void MakeImmortal(Object* object);

template <typename T>
inline Class* kClass = nullptr;

// A new object with one reference, owned by the caller.
template <typename T>
T* Create() {
  T* object = new T;
  Enrol(object, kClass<T>);
  return object;
}

Id Retain(Id object);
void Release(Id object);
// Hands the caller's reference to the innermost pool of this thread.
Id Autorelease(Id object);

void* PushPool();
void PopPool(void* pool);

// `object` as a T, or nullptr when it is nil or something else.
template <typename T>
T* As(Id object) {
  return IsKindOf(object, kClass<T>) ? static_cast<T*>(object) : nullptr;
}

// An owned reference that is released with its holder.
template <typename T>
class Ref {
 public:
  Ref() = default;
  ~Ref() { Release(object_); }
  Ref(const Ref&) = delete;
  Ref& operator=(const Ref&) = delete;
  void Set(T* object) {
    Retain(object);
    Release(object_);
    object_ = object;
  }
  T* get() const { return object_; }
  T* operator->() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  T* object_ = nullptr;
};

}  // namespace ane::sim
