// Limits of evaluation, and where the hardware computes something else than the text says.
#include "check.h"
#include "sim_model.h"

using namespace sim_test;

namespace {

constexpr size_t kBytes = 65536;

struct Sizes {
  size_t input, output;
};
// The description of a failed evaluation of y = x + 1 with the given shape, or "".
std::string EvaluateOn(const std::string& chip, const std::string& shape, Sizes sizes,
                       const std::string& more = "") {
  Configure(Settings(chip, more));
  const Pool pool;
  const std::string type = "tensor<fp16, " + shape + ">";
  std::string text =
      Program(type + " x", type + " r = add(x = x, y = fp16(0x1p+0))[name = string(\"r\")];", "r");
  if (chip == "m1" || chip == "m2") text = Old(text);
  Model model(text);
  if (!model.Compile() || !model.Load()) return model.failure.description;
  const Surface x(sizes.input), r(sizes.output);
  return model.Run({&x}, {&r}) ? "" : model.failure.description;
}
bool Fails(const std::string& text, const std::string& rule) {
  return Mentions(text, "status=0x1d") && Mentions(text, rule);
}

}  // namespace

TEST(checks_surface_sizes) {
  EXPECT(EvaluateOn("m4", "[1, 256, 1, 64]", {49152, 49152}).empty());
  EXPECT(Fails(EvaluateOn("m4", "[1, 64, 1, 64]", {8192, 8192}), "C-51"));
  EXPECT(EvaluateOn("m4", "[1, 64, 1, 64]", {49152, 49152}).empty());
  EXPECT(EvaluateOn("m4", "[1, 64, 1, 64]", {49152, 65536})
             .empty());  // one input and one output may differ
  EXPECT(Fails(EvaluateOn("m4", "[1, 1024, 1, 64]", {65536, 131072}), "C-75"));
  EXPECT(Fails(EvaluateOn("m4", "[1, 1024, 1, 64]", {131072, 65536}), "C-75"));
}

TEST(checks_widths_per_chip) {
  EXPECT(EvaluateOn("m4", "[1, 64, 1, 16]", {kBytes, kBytes}).empty());
  EXPECT(Fails(EvaluateOn("m4", "[1, 64, 1, 24]", {kBytes, kBytes}), "C-54"));
  EXPECT(Fails(EvaluateOn("m3", "[1, 64, 1, 16]", {kBytes, kBytes}), "C-52"));
  EXPECT(EvaluateOn("m3", "[1, 64, 1, 131]", {kBytes, kBytes}).empty());
  EXPECT(Fails(EvaluateOn("m5", "[1, 64, 1, 131]", {kBytes, kBytes}), "C-53"));
  EXPECT(Fails(EvaluateOn("m5", "[1, 64, 1, 16]", {kBytes, kBytes}), "C-52"));
  EXPECT(Fails(EvaluateOn("m5", "[1, 64, 1, 64]", {49216, 49152}), "C-55"));
  EXPECT(Fails(EvaluateOn("m1", "[1, 64, 1, 8]", {kBytes, kBytes}), "C-52"));
}

TEST(needs_uniform_sizes) {
  EXPECT(Configure(Settings("m4")));
  const Pool pool;
  Model model(Program(kType + " a, " + kType + " b",
                      kType + " c = add(x = a, y = b)[name = string(\"c\")];\n" + kType +
                          " d = sub(x = a, y = b)[name = string(\"d\")];",
                      "c, d"));
  EXPECT(model.Compile() && model.Load());
  const Surface a(kBytes), b(2 * kBytes), c(kBytes), d(2 * kBytes), e(kBytes), f(kBytes);
  EXPECT(!model.Run({&a, &b}, {&c, &e}) && Fails(model.failure.description, "C-70"));
  EXPECT(!model.Run({&a, &f}, {&c, &d}) && Fails(model.failure.description, "C-71"));
  EXPECT(!model.Run({&a}, {&c, &e}) &&
         Fails(model.failure.description, "expected 2 input surfaces"));
  EXPECT(!model.Run({&a, &f}, {&c, &c}));
  EXPECT(model.Run({&a, &f}, {&c, &e}));
}

TEST(gives_zeros_for_surfaces_out_of_order_on_m1) {
  const auto first = [](const std::string& chip, size_t a_bytes, size_t b_bytes) {
    Configure(Settings(chip, ",\"ignored_rules\":[\"C-70\"]"));
    const Pool pool;
    const std::string text =
        Program(kType + " a, " + kType + " b",
                kType + " r = add(x = a, y = b)[name = string(\"r\")];", "r");
    Model model(chip == "m1" ? Old(text) : text);
    Surface a(a_bytes), b(b_bytes), r(kBytes);
    a.Fill(4096, [](size_t) { return 1.0f; });
    b.Fill(4096, [](size_t) { return 2.0f; });
    return model.Compile() && model.Load() && model.Run({&a, &b}, {&r}) ? r.At(0) : -1;
  };
  EXPECT(first("m1", 2 * kBytes, kBytes) == 0);
  EXPECT(Mentions(Statistics(), "C-74"));
  EXPECT(first("m1", kBytes, 2 * kBytes) == 3);
  EXPECT(first("m3", 2 * kBytes, kBytes) == 3);
  EXPECT(!Mentions(Statistics(), "C-74"));
}

TEST(ignores_the_mask_of_attention) {
  EXPECT(Configure(Settings("m4")));
  const Pool pool;
  const std::string type = "tensor<fp16, [1, 4, 64, 64]>";
  Model model(Program(
      type + " k, tensor<fp16, [1, 4, 64, 64]> m, " + type + " q, " + type + " v",
      type +
          " r = scaled_dot_product_attention(query = q, key = k, value = v, attn_mask = m)[name = "
          "string(\"r\")];",
      "r"));
  EXPECT(model.Compile() && model.Load());
  Surface k(kBytes), m(kBytes), q(kBytes), v(kBytes), r(kBytes);
  // Equal scores: without a mask the result is the mean of all values, with it only the first would
  // count.
  v.Fill(4 * 64 * 64, [](size_t i) { return float(i / 64 % 64); });
  m.Fill(4 * 64 * 64, [](size_t i) { return i % 64 == 0 ? 0.0f : -60000.0f; });
  EXPECT(model.Run({&k, &m, &q, &v}, {&r}));
  EXPECT(r.At(0) == 31.5f);
  EXPECT(Mentions(Statistics(), "C-20"));
}

TEST(ignores_the_runtime_weight_of_a_convolution) {
  EXPECT(Configure(Settings("m4")));
  const Pool pool;
  Model model(Program(kType + " x, tensor<fp16, [64, 64, 1, 1]> w",
                      kType + " r = conv(x = x, weight = w, strides = tensor<int32, [2]>([1, 1]), "
                              "pad_type = string(\"valid\"), pad = "
                              "tensor<int32, [4]>([0, 0, 0, 0]), dilations = tensor<int32, "
                              "[2]>([1, 1]), groups = int32(1))[name = "
                              "string(\"r\")];",
                      "r"));
  EXPECT(model.Compile());
  EXPECT(Configure(Settings("m4", ",\"ignored_rules\":[\"C-52\",\"C-53\"]")));
  EXPECT(model.Load());
  Surface x(kBytes), w(kBytes), r(kBytes);
  x.Fill(4096, [](size_t) { return 1.0f; });
  w.Fill(4096, [](size_t) { return 1.0f; });
  r.Fill(4096, [](size_t) { return 9.0f; });
  EXPECT(model.Run({&w, &x}, {&r}) && r.At(0) == 0);
}

TEST(gives_zeros_for_products_over_odd_sizes_on_m1) {
  const auto first = [](const std::string& chip, int inner) {
    Configure(Settings(chip));
    const Pool pool;
    const std::string n = std::to_string(inner), type = "tensor<fp16, [1, 4, 64, " + n + "]>";
    const std::string flags =
        "bool no = const()[name = string(\"no\"), val = bool(false)];\n"
        "bool yes = const()[name = string(\"yes\"), val = bool(true)];\n";
    std::string text =
        Program(type + " a, " + type + " b",
                flags +
                    "tensor<fp16, [1, 4, 64, 64]> r = matmul(x = a, y = b, transpose_x = no, "
                    "transpose_y = yes)[name = string(\"r\")];",
                "r");
    Model model(chip == "m1" ? Old(text) : text);
    Surface a(kBytes), b(kBytes), r(kBytes);
    a.Fill(size_t(4 * 64 * inner), [](size_t) { return 1.0f; });
    b.Fill(size_t(4 * 64 * inner), [](size_t) { return 1.0f; });
    return model.Compile() && model.Load() && model.Run({&a, &b}, {&r}) ? r.At(0) : -1;
  };
  EXPECT(first("m4", 48) == 48);
  EXPECT(first("m1", 48) == 0);
  EXPECT(first("m1", 64) == 64);
}

TEST(spoils_the_process_after_tile) {
  EXPECT(Configure(Settings("m3")));
  const Pool pool;
  Model model(Unary("tile(x = x, reps = tensor<int32, [4]>([1, 1, 1, 2]))",
                    "tensor<fp16, [1, 64, 1, 128]>"));
  EXPECT(model.Compile() && model.Load());
  const Surface x(kBytes), r(kBytes);
  EXPECT(model.Run({&x}, {&r}));
  EXPECT(!model.Run({&x}, {&r}) && Fails(model.failure.description, "C-27"));
}

TEST(stops_compiling_at_the_budget) {
  // C-100, and C-101: no limit where there is none.
  const auto text = [](int i) { return Unary("add(x = x, y = fp16(" + std::to_string(i) + "))"); };
  EXPECT(Configure(Settings("m4")));
  const Pool pool;
  int compiled = 0;
  for (int i = 0; i < 125; ++i) {
    const Pool inner;
    Model model(text(i));
    compiled += model.Compile();
  }
  EXPECT(compiled == 119);
  {
    Model again(text(3)), late(text(124));
    EXPECT(again.Compile());  // cached
    EXPECT(!late.Compile() && Mentions(late.failure.description, "C-100"));
  }
  EXPECT(Configure(Settings("m1-pro", ",\"compile_limit\":0,\"ignored_rules\":[\"C-04\"]")));
  for (int i = 0; i < 125; ++i) {
    const Pool inner;
    EXPECT(Model(text(i)).Compile());
  }
}

TEST(stops_loading_at_the_limit) {
  // C-102, and C-103: what is unloaded makes room.
  EXPECT(Configure(Settings("m5", ",\"load_limit\":3")));
  const Pool pool;
  const auto text = [](int i) { return Unary("add(x = x, y = fp16(" + std::to_string(i) + "))"); };
  Model a(text(0)), b(text(1)), c(text(2)), d(text(3)), twin(text(0));
  EXPECT(a.Compile() && b.Compile() && c.Compile() && d.Compile() && twin.Compile());
  EXPECT(a.Load() && b.Load() && c.Load() && twin.Load());
  EXPECT(!d.Load() && d.failure.code == 0x50004 && Mentions(d.failure.description, "C-102"));
  EXPECT(a.Unload() && !d.Load());  // its twin still holds the program
  EXPECT(twin.Unload() && d.Load());
}
