#include "sim/object.h"

#include <map>
#include <mutex>
#include <unordered_set>

#include "sim/state.h"

namespace ane::sim {
namespace {

constexpr int64_t kImmortal = int64_t(1) << 62;

// Never destroyed: threads of the host may still send messages while the process ends.
struct Tables {
  std::mutex selectors_mutex;
  std::unordered_map<std::string, std::unique_ptr<Selector>> selectors;
  std::map<std::string, Class*> classes;  // written while the library loads only
  std::mutex live_mutex;
  std::unordered_set<const Object*> live;
};
Tables& Runtime() {
  static Tables* const tables = new Tables;
  return *tables;
}

struct Pool {
  std::vector<Object*> objects;
  int depth = 0;
  ~Pool() { Drain(0); }
  void Drain(size_t to) {
    while (objects.size() > to) {
      Object* object = objects.back();
      objects.pop_back();
      Release(object);
    }
  }
};
Pool& ThreadPoolOfObjects() {
  thread_local Pool pool;
  return pool;
}

}  // namespace

Sel Intern(const char* name) {
  Tables& runtime = Runtime();
  const std::lock_guard lock(runtime.selectors_mutex);
  auto& selector = runtime.selectors[name];
  if (selector == nullptr) selector = std::make_unique<Selector>(Selector{name});
  return selector.get();
}

Method* FindMethod(const Class* of, Sel name) {
  for (; of != nullptr; of = of->superclass) {
    const auto found = of->methods.find(name);
    if (found != of->methods.end())
      return found->second->missing.load(std::memory_order_relaxed) ? nullptr : found->second.get();
  }
  return nullptr;
}

Class* FindClass(const std::string& name) {
  const auto found = Runtime().classes.find(name);
  return found == Runtime().classes.end() ? nullptr : found->second;
}

std::vector<Class*> AllClasses() {
  std::vector<Class*> classes;
  for (const auto& [name, entry] : Runtime().classes) classes.push_back(entry);
  return classes;
}

Class* RegisterClass(const char* name, Class* superclass, bool framework,
                     void (*destroy)(Object*)) {
  Class* meta = new Class;
  Class* entry = new Class;
  for (Class* c : {meta, entry}) {
    c->name = name;
    c->framework = framework;
    MakeImmortal(c);
  }
  meta->meta = true;
  entry->superclass = superclass;
  // Class methods are looked up in the classes above, then among the root's instance methods, as in
  // the real runtime.
  meta->superclass = superclass == nullptr ? entry : superclass->isa;
  entry->destroy = destroy;
  Enrol(meta, meta);
  Enrol(entry, meta);
  Runtime().classes[name] = entry;
  return entry;
}

void AddMethod(Class* to, const char* selector, const std::string& types, Imp implementation) {
  auto method = std::make_unique<Method>();
  method->name = Intern(selector);
  method->types = types;
  method->implementation = implementation;
  to->methods[method->name] = std::move(method);
}

void Enrol(Object* object, Class* isa) {
  object->isa = isa;
  Tables& runtime = Runtime();
  const std::lock_guard lock(runtime.live_mutex);
  runtime.live.insert(object);
}

void MakeImmortal(Object* object) { object->references.store(kImmortal); }

bool IsLive(const Object* object) {
  Tables& runtime = Runtime();
  const std::lock_guard lock(runtime.live_mutex);
  return runtime.live.contains(object);
}

bool IsKindOf(const Object* object, const Class* of) {
  if (object == nullptr || !IsLive(object)) return false;
  for (const Class* c = object->isa; c != nullptr; c = c->superclass) {
    if (c == of) return true;
  }
  return false;
}

int64_t LiveObjects() {
  Tables& runtime = Runtime();
  const std::lock_guard lock(runtime.live_mutex);
  int64_t count = 0;
  for (const Object* object : runtime.live) count += object->references.load() < kImmortal / 2;
  return count;
}

Id Retain(Id object) {
  if (object == nullptr) return nullptr;
  if (!IsLive(object)) {
    RecordError("Expected an object to retain, got one that no longer exists.");
    return nullptr;
  }
  object->references.fetch_add(1, std::memory_order_relaxed);
  return object;
}

void Release(Id object) {
  if (object == nullptr) return;
  if (!IsLive(object)) {
    RecordError("Expected an object to release, got one that no longer exists.");
    return;
  }
  if (object->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  {
    Tables& runtime = Runtime();
    const std::lock_guard lock(runtime.live_mutex);
    runtime.live.erase(object);
  }
  object->isa->destroy(object);
}

Id Autorelease(Id object) {
  if (object == nullptr) return nullptr;
  Pool& pool = ThreadPoolOfObjects();
  if (pool.depth == 0)
    RecordError("Expected an autorelease pool, got none: the object lives until the thread ends.");
  pool.objects.push_back(object);
  return object;
}

// A pool is the number of objects below it, plus one so that it is never null.
void* PushPool() {
  Pool& pool = ThreadPoolOfObjects();
  ++pool.depth;
  return reinterpret_cast<void*>(pool.objects.size() + 1);
}

void PopPool(void* token) {
  Pool& pool = ThreadPoolOfObjects();
  const size_t to = reinterpret_cast<size_t>(token) - 1;
  if (token == nullptr || pool.depth == 0 || to > pool.objects.size()) {
    RecordError("Expected the innermost autorelease pool of this thread, got another one.");
    return;
  }
  pool.Drain(to);
  --pool.depth;
}

}  // namespace ane::sim
