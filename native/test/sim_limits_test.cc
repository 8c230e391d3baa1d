// Every limit of the compiler: a program that breaks it, where it is refused and where it is not.
#include "check.h"
#include "sim_model.h"

using namespace sim_test;

namespace {

// "" when the chip compiles the program, otherwise the framework's description.
std::string CompileOn(const std::string& chip, const std::string& text, const Files& files = {},
                      const std::string& more = "") {
  if (!Configure(Settings(chip, more))) return "settings";
  const Pool pool;
  Model model(text, files);
  if (model.get() == nullptr) return "nil descriptor";
  return model.Compile() ? "" : model.failure.description;
}

// Refused with the rule on one chip, accepted on the other.
bool Differs(const std::string& rule, const std::string& refused, const std::string& accepted,
             const std::string& text) {
  const bool m1 = refused.substr(0, 2) == "m1" || refused.substr(0, 2) == "m2";
  const std::string a = CompileOn(refused, m1 ? Old(text) : text),
                    b = accepted.empty() ? "" : CompileOn(accepted, text);
  const bool differs =
      Mentions(a, "simulated " + rule + ":") && Mentions(a, "InvalidMILProgram") && b.empty();
  if (!differs)
    std::printf("%s: %s got '%s', %s got '%s'\n", rule.c_str(), refused.c_str(), a.c_str(),
                accepted.c_str(), b.c_str());
  return differs;
}

bool Warns(const std::string& rule, const std::string& chip, const std::string& text) {
  const std::string error = CompileOn(chip, text);
  const bool found = Mentions(Statistics(), "{\"rule\":\"" + rule + "\",\"refused\":false");
  if (!error.empty() || !found)
    std::printf("%s: '%s' %s\n", rule.c_str(), error.c_str(), Statistics().c_str());
  return error.empty() && found;
}

std::string Conv(const std::string& operands, int out = 64, int in = 64,
                 const std::string& weight_type = "") {
  const std::string type = weight_type.empty() ? "tensor<fp16, [" + std::to_string(out) + ", " +
                                                     std::to_string(in) + ", 1, 1]>"
                                               : weight_type;
  return Program(
      "tensor<fp16, [1, " + std::to_string(in) + ", 1, 64]> x",
      type + " w = const()[name = string(\"w\"), val = " + type +
          "(BLOBFILE(path = string(\"@model_path/weights/w.bin\"), offset = uint64(64)))];\n"
          "tensor<fp16, [" +
          std::to_string(out) + "]> b = const()[name = string(\"b\"), val = tensor<fp16, [" +
          std::to_string(out) +
          "]>(BLOBFILE(path = string(\"@model_path/weights/b.bin\"), offset = uint64(64)))];\n" +
          "tensor<fp16, [1, " + std::to_string(out) + ", 1, 64]> r = conv(" + operands +
          ", x = x, weight = w, strides = tensor<int32, [2]>([1, 1]), pad = tensor<int32, [4]>([0, "
          "0, 0, 0]), "
          "dilations = tensor<int32, [2]>([1, 1]), groups = int32(1))[name = string(\"r\")];",
      "r");
}

}  // namespace

TEST(refuses_operations_per_chip) {
  EXPECT(Differs("C-22", "m4", "m5", Unary("gelu(x = x, mode = string(\"EXACT\"))")));
  EXPECT(Differs("C-24", "m5", "m3", Unary("rsqrt(x = x, epsilon = fp16(0x1p-10))")));
  EXPECT(Differs("C-24", "m1", "m3", Unary("rsqrt(x = x, epsilon = fp16(0x1p-10))")));
  EXPECT(Differs("C-26", "m5", "m4",
                 Unary("tile(x = x, reps = tensor<int32, [4]>([1, 1, 1, 2]))",
                       "tensor<fp16, [1, 64, 1, 128]>")));
  EXPECT(Differs("C-26", "m5", "m4",
                 Program(kType + " x",
                         "tensor<fp16, [2, 1, 64, 1, 64]> r = stack(axis = int32(0), values = (x, "
                         "x))[name = string(\"r\")];",
                         "r")));
  EXPECT(Differs(
      "C-40", "m4", "",
      Unary("cumsum(x = x, axis = int32(3), exclusive = bool(false), reverse = bool(false))")));
  EXPECT(Differs("C-40", "m1", "",
                 Unary("reduce_prod(x = x, axes = tensor<int32, [1]>([3]), keep_dims = bool(true))",
                       "tensor<fp16, [1, 64, 1, 1]>")));
  EXPECT(Differs("C-43", "m2", "m3", Unary("sin(x = x)")));
  EXPECT(Differs("C-41", "m5", "m4",
                 Unary("mul(x = s, y = fp16(0x0p+0))", "tensor<fp16, [1, 64, 1, 1]>",
                       "tensor<fp16, [1, 64, 1, 1]> s = reduce_sum(x = x, axes = tensor<int32, "
                       "[1]>([3]), keep_dims = "
                       "bool(true))[name = string(\"s\")];\n")));
  EXPECT(Differs("C-35", "m4", "",
                 Unary("cast(x = x, dtype = string(\"int32\"))", "tensor<int32, [1, 64, 1, 64]>")));
  EXPECT(Differs("C-08", "m4", "", Program(kType + " x", "", "x")));
  EXPECT(Differs("C-07", "m4", "",
                 Program("tensor<fp16, [1, 1, 64, 64]> x",
                         "tensor<fp16, [1, 1, 64, 64]> r = matmul(x = x, y = x, transpose_x = "
                         "bool(false), transpose_y = "
                         "bool(true))[name = string(\"r\")];",
                         "r")));
}

TEST(refuses_types_and_spellings) {
  EXPECT(Mentions(CompileOn("m1", Unary("relu(x = x)")), "C-04"));
  EXPECT(CompileOn("m1", Old(Unary("relu(x = x)"))).empty());
  EXPECT(Differs(
      "C-79", "m5", "",
      Program("tensor<int8, [1, 64, 1, 64]> x",
              kType + " r = cast(x = x, dtype = string(\"fp16\"))[name = string(\"r\")];", "r")));
  EXPECT(Differs(
      "C-35", "m3", "",
      Program("tensor<int32, [1, 64, 1, 64]> x",
              kType + " r = cast(x = x, dtype = string(\"fp16\"))[name = string(\"r\")];", "r")));
  EXPECT(Differs(
      "C-78", "m1", "m4",
      Program("tensor<fp32, [1, 64, 1, 64]> x",
              kType + " r = cast(x = x, dtype = string(\"fp16\"))[name = string(\"r\")];", "r")));
  EXPECT(Differs(
      "C-60", "m2", "m3",
      Program("tensor<fp16, [1, 1, 1, 32768]> x",
              "tensor<fp16, [1, 1, 1, 32768]> r = relu(x = x)[name = string(\"r\")];", "r")));
  EXPECT(Differs("C-60", "m2", "m3",
                 Program("tensor<fp16, [1, 2, 1, 16384]> x",
                         "tensor<fp16, [1, 1, 1, 32768]> s = reshape(x = x, shape = tensor<int32, "
                         "[4]>([1, 1, 1, 32768]))[name = string(\"s\")];\n"
                         "tensor<fp16, [1, 2, 1, 16384]> r = reshape(x = s, shape = tensor<int32, "
                         "[4]>([1, 2, 1, 16384]))[name = string(\"r\")];",
                         "r")));
}

TEST(checks_weights) {
  const Files files = {{"weights/w.bin", Blob(std::vector<float>(4096, 0.5f))},
                       {"weights/b.bin", Blob(std::vector<float>(64, 1))}};
  EXPECT(Mentions(CompileOn("m4", Conv("bias = b, pad_type = string(\"valid\")"), files), "C-23"));
  EXPECT(CompileOn("m5", Conv("bias = b, pad_type = string(\"valid\")"), files).empty());
  EXPECT(CompileOn("m4", Conv("pad_type = string(\"valid\")"), files).empty());
  const Files wide = {{"weights/w.bin", Blob(std::vector<float>(64 * 32000))},
                      {"weights/b.bin", Blob(std::vector<float>(64, 1))}};
  EXPECT(Mentions(CompileOn("m4", Conv("pad_type = string(\"valid\")", 64, 32000), wide), "C-34"));
  EXPECT(CompileOn("m3", Conv("pad_type = string(\"valid\")", 64, 32000), wide).empty());
  // The offset names the record, not the payload (C-90).
  std::string text = Conv("pad_type = string(\"valid\")");
  text.replace(text.find("uint64(64)"), 10, "uint64(128)");
  EXPECT(Mentions(CompileOn("m4", text, files), "simulated C-90: line "));
  EXPECT(Mentions(CompileOn("m4", Conv("pad_type = string(\"valid\")")),
                  "Expected weights named @model_path/weights/"));
}

TEST(limits_the_number_of_weight_blobs) {
  const auto text = [](int count) {
    std::string body, last = "x";
    for (int i = 0; i < count; ++i) {
      const std::string n = std::to_string(i);
      body +=
          "tensor<fp16, [1, 64, 1, 1]> w" + n + " = const()[name = string(\"w" + n +
          "\"), val = tensor<fp16, [1, 64, 1, 1]>(BLOBFILE(path = string(\"@model_path/weights/w" +
          n + ".bin\"), offset = uint64(64)))];\n" + kType + " r" + n + " = mul(x = " + last +
          ", y = w" + n + ")[name = string(\"r" + n + "\")];\n";
      last = "r" + n;
    }
    return Program(kType + " x", body, last);
  };
  Files files;
  for (int i = 0; i < 17; ++i)
    files["weights/w" + std::to_string(i) + ".bin"] = Blob(std::vector<float>(64, 1));
  EXPECT(CompileOn("m5", text(16), files).empty());
  EXPECT(Mentions(CompileOn("m5", text(17), files), "C-64"));
  EXPECT(CompileOn("m4", text(17), files).empty());
}

TEST(warns_where_reports_contradict_each_other) {
  const std::string concat =
      Program(kType + " x",
              "tensor<fp16, [1, 128, 1, 64]> r = concat(axis = int32(1), interleave = bool(false), "
              "values = (x, x))[name = string(\"r\")];",
              "r");
  EXPECT(Warns("C-21", "m4", concat));
  EXPECT(Mentions(CompileOn("m4", concat, {}, ",\"strict\":true"), "C-21"));
  EXPECT(Mentions(CompileOn("m4", concat, {}, ",\"strict\":[\"C-21\"]"), "C-21"));
  EXPECT(CompileOn("m4", concat, {}, ",\"strict\":[\"C-24\"]").empty());
  EXPECT(!Configure("{\"strict\":[21]}"));
  EXPECT(Warns("C-31", "m3",
               Program("tensor<fp16, [1, 64, 1, 96]> x",
                       "tensor<fp16, [1, 64, 1, 96]> r = softmax(x = x, axis = int32(-1))[name = "
                       "string(\"r\")];",
                       "r")));
  EXPECT(CompileOn("m4", Unary("gelu(x = x, mode = string(\"EXACT\"))"), {},
                   ",\"ignored_rules\":[\"C-22\"]")
             .empty());
}

TEST(waits_after_a_failed_compile_on_m2) {
  const auto modelled = [](const char* chip) {
    EXPECT(!CompileOn(chip, Unary("cumsum(x = x, axis = int32(3))")).empty());
    return NumberIn(sim_test::Statistics(), "compile");
  };
  EXPECT(modelled("m2") > 15e9 && modelled("m1") < 15e9);  // C-107, in nanoseconds
}
