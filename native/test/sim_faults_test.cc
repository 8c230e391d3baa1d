// Injected faults and misuse: every one is reported, none crashes.
#include <sys/file.h>

#include <atomic>
#include <thread>

#include "check.h"
#include "sim_model.h"

using namespace sim_test;

namespace {

constexpr size_t kBytes = 49152;

std::string Text(int addend) {
  return Program(
      kType + " x",
      kType + " r = add(x = x, y = fp16(" + std::to_string(addend) + "))[name = string(\"r\")];",
      "r");
}

bool HasError(const std::string& part) { return Mentions(Statistics(), part); }

}  // namespace

TEST(fails_the_calls_it_is_told_to) {
  EXPECT(Configure(
      "{\"faults\":{\"compile\":[2],\"load\":[1],\"evaluate\":[2],\"surface\":[3],\"unload\":1}}"));
  const Pool pool;
  Model a(Text(1)), b(Text(2));
  EXPECT(a.Compile());
  EXPECT(!b.Compile() && b.failure.code == 1 &&
         Mentions(b.failure.description, "CompilationFailure"));
  EXPECT(b.Compile());
  EXPECT(!a.Load());
  EXPECT(a.Load());
  Surface x(kBytes), r(kBytes);
  EXPECT(Surface(kBytes).get() == nullptr);
  EXPECT(a.Run({&x}, {&r}));
  EXPECT(!a.Run({&x}, {&r}) && a.failure.code == 8 && Mentions(a.failure.description, "0x1d"));
  EXPECT(a.Run({&x}, {&r}));
  EXPECT(!a.Unload() && a.Unload());
  EXPECT(Statistic("failures") == 4);
}

TEST(misses_selectors_and_the_framework) {
  const auto has = [](const char* selector) {
    Id type = ClassNamed("_ANEInMemoryModel");
    return type != nullptr &&
           Symbol<Id(Id, Id)>("class_getInstanceMethod")(
               type, Symbol<Id(const char*)>("sel_registerName")(selector)) != nullptr;
  };
  EXPECT(Configure("{\"faults\":{\"missing_selector\":\"unloadWithQoS:error:\"}}"));
  EXPECT(!has("unloadWithQoS:error:") && has("loadWithQoS:options:error:"));
  EXPECT(Configure("{\"faults\":{\"missing_framework\":true}}"));
  EXPECT(ClassNamed("_ANEInMemoryModel") == nullptr && ClassNamed("NSString") != nullptr);
  EXPECT(Configure("{}"));
  EXPECT(has("unloadWithQoS:error:"));
}

TEST(reports_misuse_that_would_crash) {
  EXPECT(Configure("{}"));
  const Pool pool;
  const auto make = [](Id text, Id weights) {
    return SendClass<Id>("_ANEInMemoryModelDescriptor",
                         "modelWithMILText:weights:optionsPlist:", text, weights, Id(nullptr));
  };
  EXPECT(make(String(Text(1)), DictionaryOf({})) == nullptr && HasError("C-01"));
  EXPECT(make(DataOf(Text(1)), nullptr) == nullptr && HasError("C-02"));
  EXPECT(make(DataOf("program(1.3) { func"), DictionaryOf({})) == nullptr &&
         HasError("MIL text rejected: line 1"));
  EXPECT(make(DataOf(Text(1)), DictionaryOf({{"@model_path/w.bin", DataOf("x")}})) == nullptr);
  EXPECT(SendClass<Id>("_ANEInMemoryModel", "inMemoryModelWithDescriptor:", String("x")) ==
         nullptr);
  EXPECT(SendClass<Id>("_ANEIOSurfaceObject", "objectWithIOSurface:", String("x")) == nullptr);
  Model model(Text(1));
  EXPECT(!model.Evaluate(nullptr) && model.failure.code == 0xe00002c2);
  EXPECT(!model.Evaluate(String("x")));
  EXPECT(!model.Load() && Mentions(model.failure.description, "not compiled"));
  Id error = nullptr;
  EXPECT(!Send<bool>(model.get(), "compileWithQoS:options:error:", uint32_t(21), String("x"),
                     &error) &&
         error != nullptr);
  EXPECT(!Send<bool>(model.get(), "loadWithQoS:options:error:", uint32_t(21), DictionaryOf({}),
                     static_cast<Id*>(nullptr)));
  EXPECT(Send<Id>(model.get(), "noSuchSelector:", Id(nullptr)) == nullptr);
  EXPECT(HasError("unrecognized selector -[_ANEInMemoryModel noSuchSelector:]"));
  EXPECT(Send<Id>(nullptr, "anything") == nullptr);
  EXPECT(Send<Id>(ArrayOf({}), "objectAtIndex:", uint64_t(0)) == nullptr);
  EXPECT(Symbol<Id(Id)>("IOSurfaceCreate")(DictionaryOf({})) == nullptr);
  EXPECT(Symbol<int32_t(Id, uint32_t, uint32_t*)>("IOSurfaceUnlock")(Surface(kBytes).get(), 0,
                                                                     nullptr) != 0);
}

TEST(notices_messages_to_what_no_longer_exists) {
  EXPECT(Configure("{}"));
  Id gone;
  {
    const Pool pool;
    gone = String("short-lived");
  }
  const Pool pool;
  EXPECT(Send<Id>(gone, "UTF8String") == nullptr);
  Symbol<void(Id)>("objc_release")(gone);
  EXPECT(HasError("no longer exists"));
}

TEST(counts_locks) {
  EXPECT(Configure("{}"));
  const Pool pool;
  const auto lock = Symbol<int32_t(Id, uint32_t, uint32_t*)>("IOSurfaceLock");
  const auto unlock = Symbol<int32_t(Id, uint32_t, uint32_t*)>("IOSurfaceUnlock");
  const Surface surface(kBytes);
  uint32_t before = 0, after = 0;
  EXPECT(lock(surface.get(), 0, &before) == 0 && lock(surface.get(), 1, nullptr) == 0);
  EXPECT(Statistic("locked_surfaces") == 1);
  EXPECT(unlock(surface.get(), 1, nullptr) == 0 && unlock(surface.get(), 0, &after) == 0);
  EXPECT(after == before + 1);
  EXPECT(Statistic("locked_surfaces") == 0);
  EXPECT(Symbol<size_t(Id)>("IOSurfaceGetAllocSize")(surface.get()) == kBytes);
}

TEST(lets_one_process_use_the_engine) {
  // C-105.
  const Folder folder;
  const std::string settings = "{\"exclusive\":true,\"state_dir\":\"" + folder.path() + "\"}";
  // Another process's claim, taken here through a descriptor of its own.
  const std::string path = folder.path() + "/engine.lock";
  std::FILE* held = std::fopen(path.c_str(), "w");
  EXPECT(held != nullptr);
  EXPECT(Configure(settings));
  const Pool pool;
  EXPECT(sim_test::Text(Symbol<Id()>("NSTemporaryDirectory")()) == folder.path() + "/");
  EXPECT(flock(fileno(held), LOCK_EX | LOCK_NB) == 0);
  Model model(Text(1));
  EXPECT(!model.Compile() && Mentions(model.failure.description, "C-105"));
  std::fclose(held);
  EXPECT(model.Compile());
  EXPECT(Configure("{}"));
}

TEST(runs_from_several_threads) {
  EXPECT(Configure("{\"compile_limit\":0}"));
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t, &right] {
      for (int i = 0; i < 10; ++i) {
        const Pool pool;
        const int addend = 10 * t + i;
        Model model(Text(addend));
        const Surface x(kBytes), r(kBytes);
        right +=
            model.Compile() && model.Load() && model.Run({&x}, {&r}) && r.At(17) == float(addend);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT(right == 40);
  EXPECT(Statistic("live_objects") == 0 && Statistic("live_surfaces") == 0 &&
         Statistic("loaded_programs") == 0);
  EXPECT(Statistic("error_count") == 0);
}

TEST(runs_one_of_several_functions) {
  EXPECT(Configure("{}"));
  const Pool pool;
  std::string text = Text(1), second = Text(2);
  const size_t start = second.find("func main"), end = second.rfind('}');
  text.insert(text.rfind('}'), "  " + second.substr(start, end - start).replace(5, 4, "other"));
  Model model(text);
  EXPECT(model.Compile() && model.Load());
  const Surface x(kBytes), r(kBytes);
  EXPECT(model.Evaluate(Model::Request({&x}, {&r}, nullptr, 0)) && r.At(0) == 1);
  EXPECT(model.Evaluate(Model::Request({&x}, {&r}, nullptr, 1)) && r.At(0) == 2);
  EXPECT(!model.Evaluate(Model::Request({&x}, {&r}, nullptr, 2)));
  Model one(Text(3));
  EXPECT(one.Compile() && one.Load() && one.Evaluate(Model::Request({&x}, {&r}, nullptr, 9)) &&
         r.At(0) == 3);
}
