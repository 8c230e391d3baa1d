// The simulator from descriptor to evaluation.
#include "check.h"
#include "sim_model.h"

using namespace sim_test;

namespace {

constexpr size_t kBytes = 49152;                                // of the smallest surface
const std::string kSmallest = "tensor<fp16, [1, 256, 1, 64]>";  // fits it

std::string AddProgram() {
  return Program(kSmallest + " a, " + kSmallest + " b",
                 kSmallest + " sum = add(x = a, y = b)[name = string(\"sum\")];", "sum");
}

float Index(size_t i) { return float(i % 100); }
float Half(size_t) { return 0.5f; }

}  // namespace

TEST(says_what_it_is) {
  EXPECT(Symbol<int()>("ane_simulator_version")() >= 1);
  EXPECT(Configure("{\"chip\":\"m1-pro\",\"os\":\"26.2\"}"));
  const Pool pool;
  EXPECT(Text(SendClass<Id>("_ANEDeviceInfo", "aneSubType")) == "h13g");
  EXPECT(Text(SendClass<Id>("_ANEDeviceInfo", "buildVersion")) == "25C56");
  EXPECT(SendClass<uint32_t>("_ANEDeviceInfo", "numANECores") == 16);
  EXPECT(SendClass<bool>("_ANEDeviceInfo", "hasANE"));
  EXPECT(!SendClass<bool>("_ANEDeviceInfo", "isVirtualMachine"));
}

TEST(refuses_settings_it_does_not_know) {
  EXPECT(!Configure("{\"chip\":\"m99\"}"));
  EXPECT(!Configure("{\"faults\":{\"compile\":[0]}}"));
  EXPECT(!Configure("not json"));
  EXPECT(Configure("{}"));
}

TEST(gives_type_encodings_with_frame_offsets) {
  const auto encoding = [](const char* type, const char* selector, bool of_class) {
    Id method = Symbol<Id(Id, Id)>(of_class ? "class_getClassMethod" : "class_getInstanceMethod")(
        ClassNamed(type), Symbol<Id(const char*)>("sel_registerName")(selector));
    const char* text =
        method == nullptr ? nullptr : Symbol<const char*(Id)>("method_getTypeEncoding")(method);
    return std::string(text == nullptr ? "none" : text);
  };
  EXPECT(encoding("_ANEInMemoryModel", "compileWithQoS:options:error:", false) ==
         "B36@0:8I16@20^@28");
  EXPECT(encoding("_ANEInMemoryModel", "evaluateWithQoS:options:request:error:", false) ==
         "B44@0:8I16@20@28^@36");
  EXPECT(encoding("_ANEIOSurfaceObject", "objectWithIOSurface:", true) ==
         "@24@0:8^{__IOSurface=}16");
  EXPECT(encoding("_ANEInMemoryModel", "noSuchThing:", false) == "none");
  EXPECT(encoding("_ANEInMemoryModelDescriptor", "modelWithMILText:weights:optionsPlist:", true) ==
         "@40@0:8@16@24@32");
}

TEST(adds_two_inputs) {
  EXPECT(Configure("{\"chip\":\"m4\"}"));
  {
    const Pool pool;
    Model model(AddProgram());
    EXPECT(model.State() == 1);
    EXPECT(model.Compile());
    EXPECT(model.State() == 2);
    EXPECT(model.Load());
    EXPECT(model.State() == 3);
    Surface a(kBytes), b(kBytes), sum(kBytes);
    EXPECT(reinterpret_cast<uintptr_t>(a.halves()) % 64 == 0);
    a.Fill(256 * 64, Index);
    b.Fill(256 * 64, Half);
    EXPECT(model.Run({&a, &b}, {&sum}));
    EXPECT(sum.At(0) == 0.5f);
    EXPECT(sum.At(256 * 64 - 1) == Index(256 * 64 - 1) + 0.5f);
    EXPECT(sum.At(256 * 64) == 0);  // packed: nothing beyond the tensor is written
    EXPECT(Statistic("evaluations") == 1);
    EXPECT(NumberIn(Statistics(), "evaluate") > 95000);
    EXPECT(model.Unload());
    EXPECT(!model.Run({&a, &b}, {&sum}));
    EXPECT(model.failure.code == 8);
    EXPECT(model.failure.domain == "com.apple.appleneuralengine");
    EXPECT(model.Load());
    EXPECT(model.Run({&a, &b}, {&sum}));
  }
  EXPECT(Statistic("live_objects") == 0);
  EXPECT(Statistic("live_models") == 0);
  EXPECT(Statistic("live_surfaces") == 0);
  EXPECT(Statistic("loaded_programs") == 0);
  EXPECT(Statistic("error_count") == 0);
}

TEST(binds_alphabetically) {
  // C-72 and C-73.
  EXPECT(Configure("{}"));
  const Pool pool;
  // In the text: z − a; outputs in the order y, b.
  Model model(Program(kSmallest + " z, " + kSmallest + " a",
                      kSmallest + " y = sub(x = z, y = a)[name = string(\"y\")];\n" + kSmallest +
                          " b = add(x = z, y = a)[name = string(\"b\")];",
                      "y, b"));
  EXPECT(model.Compile() && model.Load());
  Surface first(kBytes), second(kBytes), out_first(kBytes), out_second(kBytes);
  first.Fill(256 * 64, [](size_t) { return 1.0f; });
  second.Fill(256 * 64, [](size_t) { return 5.0f; });
  EXPECT(model.Run({&first, &second}, {&out_first, &out_second}));
  EXPECT(out_first.At(0) == 6);   // b = z + a
  EXPECT(out_second.At(0) == 4);  // y = z − a with z second
}

TEST(hides_the_weights_that_change_after_compile) {
  // C-93.
  EXPECT(Configure("{}"));
  const Pool pool;
  const std::string text =
      Program(kSmallest + " x",
              "tensor<fp16, [1, 256, 1, 1]> w = const()[name = string(\"w\"), val = tensor<fp16, "
              "[1, 256, 1, 1]>(BLOBFILE("
              "path = string(\"@model_path/weights/w.bin\"), offset = uint64(64)))];\n" +
                  kSmallest + " y = mul(x = x, y = w)[name = string(\"y\")];",
              "y");
  Model model(text, {{"weights/w.bin", Blob(std::vector<float>(256, 2))}});
  EXPECT(model.Compile() && model.Load());
  Surface x(kBytes), y(kBytes);
  x.Fill(256 * 64, Half);
  EXPECT(model.Run({&x}, {&y}) && y.At(5) == 1);
  model.Write("weights/w.bin", Blob(std::vector<float>(256, 8)));
  EXPECT(model.Unload() && model.Load());
  EXPECT(model.Run({&x}, {&y}) && y.At(5) == 1);
  EXPECT(model.Unload() && model.Compile() &&
         model.Load());  // a cache hit: the identifier has not changed
  EXPECT(model.Run({&x}, {&y}) && y.At(5) == 1);
  EXPECT(Statistic("compiles") == 1 && Statistic("cache_hits") == 1);
  Model other(text, {{"weights/w.bin", Blob(std::vector<float>(256, 8))}});
  EXPECT(other.folder() != model.folder());
  EXPECT(other.Compile() && other.Load() && other.Run({&x}, {&y}) && y.At(5) == 4);
}

TEST(names_programs_by_content) {
  // C-104.
  EXPECT(Configure("{}"));
  const Pool pool;
  Model model(AddProgram());
  const std::string hex = Text(Send<Id>(model.get(), "hexStringIdentifier"));
  // SHA-256 of nothing, twice: no options, no weights.
  const std::string empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  EXPECT(hex.size() == 3 * 64 + 2 && hex.substr(65) == empty + "_" + empty);
  Model twin(AddProgram());
  EXPECT(model.Compile() && twin.Compile());
  EXPECT(Statistic("compiles") == 1 && Statistic("cache_hits") == 1);
  EXPECT(Send<bool>(twin.get(), "compiledModelExists"));
  EXPECT(model.Load() && twin.Load());
  EXPECT(Statistic("loaded_programs") == 1);
  Send<void>(model.get(), "purgeCompiledModel");
  EXPECT(!Send<bool>(twin.get(), "compiledModelExists"));
}

TEST(needs_the_files) {
  EXPECT(Configure("{}"));
  const Pool pool;
  Model model(AddProgram(), {}, false);
  EXPECT(!model.Compile());
  EXPECT(model.failure.domain == "com.apple.appleneuralengine.compiler" && model.failure.code == 1);
  EXPECT(Mentions(model.failure.description, "_ANECompiler : ANECCompile() FAILED"));
  EXPECT(Mentions(model.failure.description, "C-03"));
}

TEST(fills_performance_statistics_when_asked) {
  EXPECT(Configure("{\"chip\":\"m1-pro\",\"ignored_rules\":[\"C-04\"]}"));
  const Pool pool;
  Model model(AddProgram());
  EXPECT(model.Compile() && model.Load());
  Surface a(kBytes), b(kBytes), sum(kBytes);
  Id stats = SendClass<Id>("_ANEPerformanceStats", "statsWithHardwareExecutionNS:", uint64_t(0));
  Id request = Model::Request({&a, &b}, {&sum}, stats);
  EXPECT(model.Evaluate(request) && Send<uint64_t>(stats, "hwExecutionTime") == 0);
  Send<void>(model.get(), "setPerfStatsMask:", uint32_t(1));
  EXPECT(model.Evaluate(request) && Send<uint64_t>(stats, "hwExecutionTime") > 160000);
}
