// Products of 8-bit numbers against the operations they stand for, one by one.
#include <algorithm>

#include "check.h"
#include "engine_program.h"

using namespace engine_test;

namespace {

std::string List(const std::string& type, const std::string& shape, const Numbers& numbers) {
  std::string text;
  for (float x : numbers) text.append(text.empty() ? "" : ", ").append(std::to_string(int(x)));
  return "tensor<" + type + ", [" + shape + "]>([" + text + "])";
}

Numbers Codes(size_t count, uint32_t seed, bool is_signed, int largest = 128) {
  Numbers codes = Random(count, seed, float(largest));
  for (float& x : codes) x = std::min(std::floor(x), float(largest - 1)) + (is_signed ? 0 : 128);
  return codes;
}

// One product: constants of shape `rows` and codes of shape `columns`.
struct Case {
  std::string columns, rows, out, product;
  size_t column_count, row_count;
  std::string row_scale = "fp16(0x1p-6)", row_zero = "int8(0)", axis = "0";
  std::string code_scale = "fp16(0x1p-3)", code_zero = "";
  bool is_signed = true;
  int largest = 128;
};

// With `apart` the constants are hidden behind an addition of zero, which leaves plain fp16 ones.
std::string Text(const Case& c, bool apart) {
  const std::string type = c.is_signed ? "int8" : "uint8", half = "tensor<fp16, [";
  const std::string zero = c.code_zero.empty() ? "" : ", zero_point = " + c.code_zero;
  const std::string given = apart ? "v" : "w";
  return Program("tensor<" + type + ", [" + c.columns + "]> q",
                 half + c.rows + "]> " + given + " = constexpr_affine_dequantize()[axis = int32(" +
                     c.axis + "), name = string(\"" + given + "\"), quantized_data = " +
                     List("int8", c.rows, Codes(c.row_count, 7, true, c.largest)) +
                     ", scale = " + c.row_scale + ", zero_point = " + c.row_zero + "];\n" +
                     (apart ? half + c.rows + "]> w = add(x = v, y = fp16(0));\n" : "") + half +
                     c.columns + "]> x = dequantize(input = q, scale = " + c.code_scale + zero +
                     ");\n" + half + c.out + "]> y = " + c.product + ";",
                 "y");
}

size_t ScratchOf(const std::string& text, bool exact) {
  ane::CompileOptions options;
  options.exact = exact;
  const auto compiled = ane::Executable::Compile(text, options);
  if (!compiled.ok()) std::printf("%s\n", compiled.status().message().c_str());
  return compiled.ok() ? compiled.value()->scratch_bytes() : 0;
}

// Whether the program dequantizes nothing while it runs.
bool Merged(const Case& c, bool exact) {
  return ScratchOf(Text(c, false), exact) < ScratchOf(Text(c, true), exact);
}

bool SameBits(const Case& c, bool exact = true) {
  ane::CompileOptions options;
  options.exact = exact;
  const Numbers codes = Codes(c.column_count, 3, c.is_signed);
  const Numbers wanted = Only(Run(Text(c, true), {codes}, options));
  return !wanted.empty() && Only(Run(Text(c, false), {codes}, options)) == wanted &&
         Only(Run(Text(c, false), {codes}, options, 3)) == wanted;
}

const Case kConv = {"2, 37, 3, 5", "13, 37, 1, 1", "2, 13, 3, 5", "conv(x = x, weight = w)",
                    2 * 37 * 15,   13 * 37};

}  // namespace

TEST(products_of_8_bit_numbers_give_the_bits_of_their_operations) {
  Case linear = {"3, 7, 33", "29, 33", "3, 7, 29", "linear(x = x, weight = w)", 21 * 33, 29 * 33};
  Case left = {"3, 33, 17", "29, 33", "3, 29, 17", "matmul(x = w, y = x)", 3 * 33 * 17, 29 * 33};
  Case right = {"3, 17, 33", "33, 29", "3, 17, 29", "matmul(x = x, y = w)", 3 * 33 * 17, 29 * 33};
  Case turned = right;
  turned.rows = "29, 33";
  turned.product = "matmul(x = x, y = w, transpose_y = bool(true))";
  Case turned_left = left;
  turned_left.rows = "33, 29";
  turned_left.product = "matmul(x = w, y = x, transpose_x = bool(true))";
  Case biased = linear;
  biased.product = "linear(x = x, weight = w, bias = " +
                   List("fp16", "29", Codes(29, 5, true)) + ")";
  Case biased_conv = kConv;
  biased_conv.product = "conv(x = x, weight = w, bias = " +
                        List("fp16", "13", Codes(13, 5, true)) + ")";
  for (Case c : {kConv, linear, left, right, turned, turned_left, biased, biased_conv}) {
    for (const std::string zero : {"", "128", "255", "3"}) {
      c.is_signed = zero.empty();
      c.code_zero = zero.empty() ? "" : "uint8(" + zero + ")";
      EXPECT(SameBits(c));
      EXPECT(Merged(c, true));
    }
  }
}

TEST(rows_of_8_bit_numbers_have_scales_and_zero_points_of_their_own) {
  Case c = kConv;
  c.largest = 64;
  std::string scales, zeros;
  for (int m = 0; m < 13; ++m) {
    scales.append(m == 0 ? "" : ", ").append(std::to_string(m % 5 + 1)).append(".0");
    zeros.append(m == 0 ? "" : ", ").append(std::to_string(5 * m - 32));
  }
  c.row_scale = std::string("tensor<fp16, [13]>([").append(scales).append("])");
  c.row_zero = std::string("tensor<int8, [13]>([").append(zeros).append("])");
  EXPECT(SameBits(c));
  EXPECT(Merged(c, true));
  // Along the summed axis they are no factors of the sums.
  Case across = c;
  across.rows = "37, 13, 1, 1";
  across.columns = "2, 13, 3, 5";
  across.out = "2, 37, 3, 5";
  across.column_count = 2 * 13 * 15;
  across.axis = "1";
  EXPECT(SameBits(across));
  EXPECT(!Merged(across, false));
}

TEST(dequantized_numbers_that_need_rounding_are_multiplied_unrounded_in_fast_math_only) {
  Case c = kConv;
  c.row_scale = "fp16(0.0131)";
  c.code_scale = "fp16(0.0571)";
  EXPECT(SameBits(c));
  EXPECT(!Merged(c, true));
  EXPECT(Merged(c, false));
  ane::CompileOptions fast;
  fast.exact = false;
  const Numbers q = Codes(c.column_count, 3, true), w = Codes(c.row_count, 7, true);
  Numbers wanted(2 * 13 * 15);
  for (size_t i = 0; i < wanted.size(); ++i) {
    double sum = 0;
    for (size_t k = 0; k < 37; ++k)
      sum += double(w[i / 15 % 13 * 37 + k]) * q[(i / 15 / 13 * 37 + k) * 15 + i % 15];
    wanted[i] = float(sum * Half(0.0131f) * Half(0.0571f));
  }
  EXPECT(Near(Only(Run(Text(c, false), {q}, fast)), wanted, 0x1p-11f));
}

TEST(sums_that_fp32_may_not_hold_stay_products_of_fp16_in_exact_math) {
  Case c = {"1, 2051, 1, 9", "3, 2051, 1, 1", "1, 3, 1, 9", "conv(x = x, weight = w)",
            2051 * 9,        3 * 2051};
  c.row_scale = "fp16(0x3p-8)";
  EXPECT(SameBits(c));
  EXPECT(!Merged(c, true));
  EXPECT(Merged(c, false));
}

TEST(dequantized_numbers_that_something_else_reads_are_computed_too) {
  const std::string text = Text(kConv, false);
  const std::string both = text.substr(0, text.rfind("} -> (y)")) + "} -> (y, x);\n}\n";
  const Numbers codes = Codes(kConv.column_count, 3, true);
  const Outcome outcome = Run(both, {codes});
  EXPECT(outcome.outputs.size() == 2);
  if (outcome.outputs.size() != 2) return;
  EXPECT(outcome.outputs[0] == Only(Run(Text(kConv, true), {codes})));
  Numbers scaled = codes;
  for (float& x : scaled) x *= 0x1p-3f;
  EXPECT(outcome.outputs[1] == scaled);
}

TEST(quantize_and_dequantize_match_their_formulas_on_any_size_type_and_layout) {
  const float inf = INFINITY, nan = NAN;
  const Numbers special = {0.25f, 0.75f,  -0.25f, 1.25f, -0.75f, inf,    -inf,
                           nan,   60000,  -60000, 6e-8f, -0.0f,  63.75f, -64.25f};
  for (const std::string half : {"fp16", "fp32"}) {
    for (const std::string code : {"int8", "uint8"}) {
      for (size_t count : {1, 3, 17, 255, 1025}) {
        for (const bool turned : {false, true}) {
          // [2, count] numbers with a scale and zero point per row, or their transpose per column.
          Numbers x = Random(2 * count, uint32_t(count), 90);
          for (size_t i = 0; i < std::min(x.size(), special.size()); ++i) x[i] = special[i];
          const std::string n = std::to_string(count), rows = "[2, " + n + "]";
          const std::string shape = turned ? "[" + n + ", 2]" : rows;
          const std::string last = ", axis = int32(" + std::string(turned ? "1" : "0") + ")";
          const std::string with = "scale = tensor<" + half + ", [2]>([0.5, 0.75]), zero_point = " +
                                   "tensor<" + code + ", [2]>([3, 7])" + last;
          const std::string text = Program(
              "tensor<" + half + ", " + rows + "> x",
              (turned ? "tensor<" + half + ", " + shape +
                            "> t = transpose(x = x, perm = " + Ints("1, 0", 2) + ");\n"
                      : std::string()) +
                  "tensor<" + code + ", " + shape + "> q = quantize(input = " +
                  (turned ? "t, " : "x, ") + with + ", output_dtype = string(\"" + code +
                  "\"));\ntensor<" + half + ", " + shape + "> y = dequantize(input = q, " + with +
                  ");",
              "q, y");
          Numbers codes(2 * count), numbers(2 * count);
          for (size_t i = 0; i < 2 * count; ++i) {
            const size_t row = i / count, at = turned ? i % count * 2 + row : i;
            const float scale = row == 0 ? 0.5f : 0.75f, zero = row == 0 ? 3 : 7;
            const float given = half == "fp16" ? Half(x[i]) : x[i], low = code == "int8" ? -128 : 0;
            const float whole = std::nearbyint(given / scale) + zero;
            codes[at] = whole != whole ? 0 : std::min(std::max(whole, low), low + 255);
            numbers[at] = scale * (codes[at] - zero);
          }
          const Outcome outcome = Run(text, {x}, {}, 3);
          if (!outcome.error.empty()) std::printf("%s\n", outcome.error.c_str());
          EXPECT(outcome.outputs == std::vector<Numbers>({codes, numbers}));
        }
      }
    }
  }
}
