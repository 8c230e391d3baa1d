// Reading MIL text and weight files: both spellings, errors with positions, hostile input.
#include <algorithm>

#include "check.h"
#include "engine_program.h"

using engine_test::Outcome;
using engine_test::Program;
using engine_test::Run;

namespace {

const char kFull[] = R"(program(1.3)
[buildInfo = dict<string, string>({{"coremlc-version", "3505.4.1"}})]
{
    func main<ios18>(tensor<fp16, [1, 4, 1, 8]> x) {
        int32 ax = const()[name = string("ax"), val = int32(1)];
        bool il = const()[name = string("il"), val = bool(false)];
        tensor<fp16, [1, 2, 1, 8]> p, tensor<fp16, [1, 2, 1, 8]> q = split(axis = ax, num_splits = int32(2), x = x)[name = string("s")];
        // a comment
        tensor<fp16, [1, 4, 1, 8]> y = concat(axis = ax, interleave = il, values = (q, p))[name = string("y")];
        tensor<fp16, [1, 4, 1, 8]> z = mul(x = y, y = fp16(-0x1.8p+0));
    } -> (z);
}
)";

std::string ErrorOf(const std::string& text) {
  return Run(text, {engine_test::Random(32, 1)}).error;
}

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::vector<uint8_t> Blob(uint32_t dtype, const std::vector<uint8_t>& payload,
                          uint64_t pointer = 128) {
  std::vector<uint8_t> file(128 + payload.size(), 0);
  const uint32_t sentinel = 0xDEADBEEF;
  const uint64_t size = payload.size();
  file[0] = 1;
  file[4] = 2;
  std::memcpy(&file[64], &sentinel, 4);
  std::memcpy(&file[68], &dtype, 4);
  std::memcpy(&file[72], &size, 8);
  std::memcpy(&file[80], &pointer, 8);
  std::copy(payload.begin(), payload.end(), file.begin() + 128);
  return file;
}

Outcome RunBlob(const std::string& type, const std::vector<uint8_t>& file, bool lenient,
                const std::string& offset = "64") {
  ane::CompileOptions options;
  options.blobs["@model_path/weights/w.bin"] = file;
  options.lenient_blobs = lenient;
  const std::string body =
      "tensor<" + type + ", [4]> w = const()[val = tensor<" + type +
      ", [4]>(BLOBFILE(path = string(\"@model_path/weights/w.bin\"), offset = uint64(" + offset +
      ")))]; tensor<fp32, [4]> c = cast(x = w, dtype = \"fp32\"); tensor<fp32, [4]> y = add(x = x, "
      "y = c);";
  return Run(Program("tensor<fp32, [4]> x", body, "y"), {{0, 0, 0, 0}}, options);
}

}  // namespace

TEST(runs_split_concat_and_an_immediate) {
  const engine_test::Numbers x = engine_test::Random(32, 7);
  const Outcome outcome = Run(kFull, {x});
  EXPECT(outcome.error.empty());
  bool same = outcome.outputs.size() == 1;
  for (size_t i = 0; same && i < 32; ++i)
    same = outcome.outputs[0][i] == engine_test::Half(-1.5f * x[(i + 16) % 32]);
  EXPECT(same);
}

TEST(reads_the_old_spelling_and_every_float_form) {
  const std::string text =
      "program(1.0)\n[buildInfo = dict<tensor<string, []>, tensor<string, []>>({})]\n{ func "
      "main<ios16>(tensor<fp32, [6]> x) {"
      "tensor<fp32, [6]> c = const()[name = tensor<string, []>(\"c\"), val = tensor<fp32, "
      "[6]>([0x1.8p+1, -0.5, 1e-05, inf, -3, 0x1p-149])];"
      "tensor<fp32, [6]> y = add(x = x, y = c);} -> (y); }";
  const Outcome outcome = Run(text, {engine_test::Numbers(6, 0)});
  EXPECT(outcome.error.empty());
  EXPECT(outcome.outputs.size() == 1 &&
         outcome.outputs[0] == engine_test::Numbers({3, -0.5f, 1e-5f, INFINITY, -3, 0x1p-149f}));
}

TEST(names_line_and_column_of_the_offending_token) {
  std::string text = kFull;
  text.replace(text.find("values = (q, p)"), 15, "values = [q, p]");
  EXPECT(Has(ErrorOf(text), "line 9, column 84: "));
  text = kFull;
  text.replace(text.find("x = y, y"), 8, "x = w, y");
  EXPECT(Has(ErrorOf(text), "line 10, column 48: Expected a value defined before, got 'w'."));
  text = kFull;
  text.replace(text.find("mul(x = y"), 9, "identity(y");
  EXPECT(Has(ErrorOf(text), "line 10, column 50: "));
}

TEST(rejects_wrong_types_operands_and_operations) {
  const auto body = [](const std::string& line) {
    return ErrorOf(Program("tensor<fp16, [4, 8]> x", line, "y"));
  };
  EXPECT(Has(body("tensor<fp16, [4, 9]> y = relu(x = x);"),
             "line 4, column 22: Expected fp16 [4, 9] for y, got fp16 [4, 8]."));
  EXPECT(Has(body("tensor<fp16, [4, 8]> y = relu(x = x, z = x);"), "got z"));
  EXPECT(Has(body("tensor<fp16, [4, 8]> y = relu();"), "for x of relu, got nothing"));
  EXPECT(Has(body("tensor<fp16, [4, 8]> y = frobnicate(x = x);"), "frobnicate"));
  EXPECT(Has(body("tensor<fp16, [4, 8]> y = add(x = x, y = fp32(1));"), "the type of x"));
  EXPECT(Has(body("tensor<fp16, [4, 8]> y = softmax(x = x, axis = int32(2));"), "axis"));
  EXPECT(Has(body("tensor<fp16, [4, 8]> y = reshape(x = x, shape = tensor<int32, [2]>([4, 7]));"),
             "32 elements"));
  EXPECT(Has(body("tensor<int8, [1]> c = const()[val = tensor<int8, [1]>([128])]; tensor<fp16, [4, "
                  "8]> y = relu(x = x);"),
             "128"));
  EXPECT(Has(ErrorOf(Program("tensor<fp16, [?]> x", "tensor<fp16, [?]> y = relu(x = x);", "y")),
             "unknown dimensions"));
  ane::CompileOptions options;
  options.function = "other";
  EXPECT(Has(Run(Program("", "", ""), {}, options).error, "other"));
}

TEST(bounds_nesting) {
  std::string deep = "program(1.3)[a = ";
  for (int i = 0; i < 100000; ++i) deep += "(";
  EXPECT(Has(ErrorOf(deep), "nesting"));
  std::string types = "program(1.3){ func main<ios18>(";
  for (int i = 0; i < 100000; ++i) types += "list<";
  EXPECT(Has(ErrorOf(types), "nesting"));
}

TEST(survives_truncation_and_mutation) {
  const std::string text = kFull;
  for (size_t n = 0; n + 2 < text.size(); ++n) EXPECT(!ErrorOf(text.substr(0, n)).empty());
  uint32_t seed = 5;
  int rejected = 0;
  for (int i = 0; i < 4000; ++i) {
    std::string mutated = text;
    for (int k = 0; k < 3; ++k) {
      seed = seed * 1664525u + 1013904223u;
      const char replacements[] = "(){}[]<>,;=?-\"x0 1\n\x80@";
      mutated[(seed >> 8) % mutated.size()] =
          replacements[(seed >> 3) % (sizeof(replacements) - 1)];
    }
    const auto compiled = ane::Executable::Compile(mutated, {});
    rejected += !compiled.ok();
  }
  EXPECT(rejected > 3000);
}

TEST(reads_weights_strictly) {
  const std::vector<uint8_t> halves = {0x00, 0x3c, 0x00, 0x40, 0x00, 0xc0, 0x01, 0x00};
  EXPECT(RunBlob("fp16", Blob(1, halves), false).outputs ==
         std::vector<engine_test::Numbers>{{1, 2, -2, 0x1p-24f}});
  EXPECT(RunBlob("int4", Blob(8, {0x21, 0xF8}), false).outputs ==
         std::vector<engine_test::Numbers>{{1, 2, -8, -1}});
  EXPECT(RunBlob("uint3", Blob(12, {0xD1, 0x0B}), false).outputs ==
         std::vector<engine_test::Numbers>{{1, 2, 7, 5}});
  EXPECT(Has(RunBlob("fp16", Blob(2, halves), false).error, "element type 1"));
  EXPECT(Has(RunBlob("fp16", Blob(1, {0, 0}), false).error, "8 bytes"));
  EXPECT(Has(RunBlob("fp16", Blob(1, halves, 1 << 20), false).error, "inside the file"));
  EXPECT(Has(RunBlob("fp16", Blob(1, halves), false, "128").error, "64 bytes in the file"));
  EXPECT(Has(RunBlob("fp16", Blob(1, halves), false, "18446744073709551615").error,
             "64 bytes in the file"));
  EXPECT(Has(RunBlob("fp16", Blob(1, halves, 0), false).error, "outside of the records"));
  EXPECT(RunBlob("fp16", Blob(7, halves, 0), true).outputs ==
         std::vector<engine_test::Numbers>{{1, 2, -2, 0x1p-24f}});
}
