// Matrix products and convolutions on odd sizes against plain loops.
#include <algorithm>

#include "check.h"
#include "engine_program.h"
#include "kernels/gemm.h"

using namespace engine_test;

TEST(matrix_products_broadcast_and_transpose) {
  const Numbers x = Random(2 * 3 * 5 * 4, 1), w = Random(3 * 4 * 6, 2);
  Numbers wanted(2 * 3 * 5 * 6, 0);
  for (size_t b = 0; b < 6; ++b) {
    for (size_t m = 0; m < 5; ++m) {
      for (size_t n = 0; n < 6; ++n) {
        for (size_t k = 0; k < 4; ++k)
          wanted[(b * 5 + m) * 6 + n] += x[(b * 4 + k) * 5 + m] * w[(b % 3 * 6 + n) * 4 + k];
      }
    }
  }
  EXPECT(Near(Only(Run(Program("tensor<fp32, [2, 3, 4, 5]> x, tensor<fp32, [3, 6, 4]> w",
                               "tensor<fp32, [2, 3, 5, 6]> y = matmul(x = x, y = w, transpose_x = "
                               "bool(true), transpose_y = bool(true));",
                               "y"),
                       {x, w})),
              wanted, 1e-5f));
  const Numbers bias = Random(6, 3);
  Numbers linear(20 * 6, 0);
  for (size_t m = 0; m < 20; ++m) {
    for (size_t n = 0; n < 6; ++n) {
      for (size_t k = 0; k < 6; ++k) linear[m * 6 + n] += x[m * 6 + k] * w[n * 6 + k];
      linear[m * 6 + n] += bias[n];
    }
  }
  EXPECT(Near(
      Only(Run(Program("tensor<fp32, [4, 5, 6]> x, tensor<fp32, [6, 6]> w, tensor<fp32, [6]> b",
                       "tensor<fp32, [4, 5, 6]> y = linear(x = x, weight = w, bias = b);", "y"),
               {x, Numbers(w.begin(), w.begin() + 36), bias})),
      linear, 1e-5f));
  EXPECT(Only(Run(Program("tensor<int32, [2]> x, tensor<int32, [2, 3]> w",
                          "tensor<int32, [3]> y = matmul(x = x, y = w);", "y"),
                  {{2, 3}, {1, 2, 3, 4, 5, 6}})) == Numbers({14, 19, 24}));
}

TEST(products_of_every_type_round_their_factors_to_bf16_in_fast_math_only) {
  constexpr int kSize = 9;
  const float x = 1 + 0x1p-9f;  // 1 in bf16
  Numbers identity(kSize * kSize, 0);
  for (size_t i = 0; i < kSize; ++i) identity[i * kSize + i] = 1;
  for (const std::string type : {"fp32", "fp16"}) {
    const std::string tensor = "tensor<" + type + ", [9, 9]> ";
    const std::string text =
        Program(tensor + "x, " + tensor + "w", tensor + "y = matmul(x = x, y = w);", "y");
    for (const bool exact : {true, false}) {
      ane::CompileOptions options;
      options.exact = exact;
      const bool bf16 = ane::ArithmeticOf(exact) == ane::Arithmetic::kBf16;
      EXPECT(Only(Run(text, {Numbers(kSize * kSize, x), identity}, options)) ==
             Numbers(kSize * kSize, bf16 ? 1 : x));
    }
  }
}

TEST(convolutions_with_groups_strides_and_padding) {
  const size_t N = 2, C = 4, H = 7, W = 9, M = 6, G = 2, KH = 3, KW = 2;
  const Numbers x = Random(N * C * H * W, 1), w = Random(M * C / G * KH * KW, 2),
                bias = Random(M, 3);
  const size_t OH = (H + 3 - 5) / 2 + 1, OW = W + 1 - 1;
  Numbers wanted(N * M * OH * OW, 0);
  for (size_t i = 0; i < wanted.size(); ++i) {
    const size_t ow = i % OW, oh = i / OW % OH, m = i / (OW * OH) % M, n = i / (OW * OH * M);
    double sum = bias[m];
    for (size_t c = 0; c < C / G; ++c) {
      for (size_t kh = 0; kh < KH; ++kh) {
        for (size_t kw = 0; kw < KW; ++kw) {
          const int64_t h = int64_t(oh * 2 + kh * 2) - 1, v = int64_t(ow + kw) - 0;
          if (h < 0 || h >= int64_t(H) || v < 0 || v >= int64_t(W)) continue;
          const size_t channel = m / (M / G) * (C / G) + c;
          sum += double(w[((m * (C / G) + c) * KH + kh) * KW + kw]) *
                 x[((n * C + channel) * H + size_t(h)) * W + size_t(v)];
        }
      }
    }
    wanted[i] = float(sum);
  }
  const std::string text = Program(
      "tensor<fp32, [2, 4, 7, 9]> x, tensor<fp32, [6, 2, 3, 2]> w, tensor<fp32, [6]> b",
      "tensor<fp32, [2, 6, 3, 9]> y = conv(x = x, weight = w, bias = b, strides = " +
          Ints("2, 1", 2) + ", dilations = " + Ints("2, 1", 2) +
          ", groups = int32(2), pad_type = string(\"custom\"), pad = " + Ints("1, 2, 0, 1", 4) +
          ");",
      "y");
  EXPECT(Near(Only(Run(text, {x, w, bias})), wanted, 1e-5f));
  const Numbers signal = Random(30, 4), taps = Random(2 * 5, 5);
  Numbers filtered(2 * 26, 0);
  for (size_t i = 0; i < 52; ++i) {
    for (size_t k = 0; k < 5; ++k) filtered[i] += taps[i / 26 * 5 + k] * signal[i % 26 + k];
  }
  EXPECT(Near(Only(Run(Program("tensor<fp32, [1, 1, 30]> x, tensor<fp32, [2, 1, 5]> w",
                               "tensor<fp32, [1, 2, 26]> y = conv(x = x, weight = w);", "y"),
                       {signal, taps})),
              filtered, 1e-5f));
}

TEST(einsum_and_pooling) {
  const Numbers x = Random(2 * 3 * 4, 1), w = Random(2 * 4 * 5, 2);
  Numbers wanted(2 * 5 * 3, 0);
  for (size_t i = 0; i < wanted.size(); ++i) {
    const size_t b = i / 15, n = i / 3 % 5, m = i % 3;
    for (size_t k = 0; k < 4; ++k) wanted[i] += x[(b * 3 + m) * 4 + k] * w[(b * 4 + k) * 5 + n];
  }
  EXPECT(Near(Only(Run(Program("tensor<fp32, [2, 3, 4]> x, tensor<fp32, [2, 4, 5]> w",
                               "tensor<fp32, [2, 5, 3]> y = einsum(values = (x, w), equation = "
                               "string(\"bmk,bkn->bnm\"));",
                               "y"),
                       {x, w})),
              wanted, 1e-5f));
  const Numbers signal = {1, 5, 2, -3, 4, 8, -1};
  const auto pool = [&](const std::string& op, const std::string& size, const std::string& extra) {
    return Only(Run(Program("tensor<fp32, [1, 1, 7]> x",
                            "tensor<fp32, [1, 1, " + size + "]> y = " + op +
                                "(x = x, kernel_sizes = " + Ints("2", 1) +
                                ", strides = " + Ints("2", 1) + extra + ");",
                            "y"),
                    {signal}));
  };
  const std::string valid = ", pad_type = string(\"valid\")";
  const std::string custom = ", pad_type = string(\"custom\"), pad = " + Ints("1, 0", 2);
  EXPECT(pool("max_pool", "3", valid) == Numbers({5, 2, 8}));
  EXPECT(pool("max_pool", "4", valid + ", ceil_mode = bool(true)") == Numbers({5, 2, 8, -1}));
  EXPECT(pool("avg_pool", "4", custom) == Numbers({0.5f, 3.5f, 0.5f, 3.5f}));
  EXPECT(pool("avg_pool", "4", custom + ", exclude_padding_from_average = bool(true)") ==
         Numbers({1, 3.5f, 0.5f, 3.5f}));
  EXPECT(Near(pool("l2_pool", "3", valid), {std::sqrt(26.0f), std::sqrt(13.0f), std::sqrt(80.0f)},
              1e-6f));
}
