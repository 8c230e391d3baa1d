// Views instead of copies, fusion, memory reuse, threads: every program is compared with plain
// loops.
#include <algorithm>

#include "check.h"
#include "engine_program.h"

using namespace engine_test;

namespace {

// Attention over packed heads: slices, reshapes, transposes, a product, softmax and the way back.
std::string Attention() {
  return Program(
      "tensor<fp16, [1, 30, 1, 7]> x",
      "tensor<fp16, [1, 10, 1, 7]> q, tensor<fp16, [1, 10, 1, 7]> k, tensor<fp16, [1, 10, 1, 7]> v "
      "= split(axis = int32(1), num_splits = int32(3), x = x);"
      "tensor<fp16, [1, 2, 5, 7]> qh = reshape(x = q, shape = " +
          Ints("1, 2, 5, 7", 4) +
          ");"
          "tensor<fp16, [1, 2, 5, 7]> kh = reshape(x = k, shape = " +
          Ints("1, 2, 5, 7", 4) +
          ");"
          "tensor<fp16, [1, 2, 5, 7]> vh = reshape(x = v, shape = " +
          Ints("1, 2, 5, 7", 4) +
          ");"
          "tensor<fp16, [1, 2, 7, 5]> vt = transpose(x = vh, perm = " +
          Ints("0, 1, 3, 2", 4) +
          ");"
          "tensor<fp16, [1, 2, 7, 7]> s = matmul(x = qh, y = kh, transpose_x = bool(true));"
          "tensor<fp16, [1, 2, 7, 7]> p = softmax(x = s, axis = int32(-1));"
          "tensor<fp16, [1, 2, 7, 5]> o = matmul(x = p, y = vt);"
          "tensor<fp16, [1, 2, 5, 7]> ot = transpose(x = o, perm = " +
          Ints("0, 1, 3, 2", 4) +
          ");"
          "tensor<fp16, [1, 10, 1, 7]> of = reshape(x = ot, shape = " +
          Ints("1, 10, 1, 7", 4) +
          ");"
          "tensor<fp16, [1, 40, 1, 7]> y = concat(axis = int32(1), interleave = bool(false), "
          "values = (of, x));",
      "y, p");
}

Numbers AttentionByLoops(const Numbers& x) {
  const auto at = [&](int part, int head, int d, int t) {
    return x[size_t(((part * 10 + head * 5 + d) * 7) + t)];
  };
  Numbers y(280);
  for (int h = 0; h < 2; ++h) {
    for (int i = 0; i < 7; ++i) {
      float p[7], largest = -INFINITY, sum = 0;
      for (int j = 0; j < 7; ++j) {
        float s = 0;
        for (int d = 0; d < 5; ++d) s += at(0, h, d, i) * at(1, h, d, j);
        p[j] = Half(s);
        largest = std::max(largest, p[j]);
      }
      for (float& v : p) sum += v = std::exp(v - largest);
      for (int d = 0; d < 5; ++d) {
        float o = 0;
        for (int j = 0; j < 7; ++j) o += Half(p[j] / sum) * at(2, h, d, j);
        y[size_t((h * 5 + d) * 7 + i)] = Half(o);
      }
    }
  }
  std::copy(x.begin(), x.end(), y.begin() + 70);
  return y;
}

}  // namespace

TEST(attention_over_views_equals_plain_loops) {
  const Numbers x = Random(210, 3);
  const Outcome outcome = Run(Attention(), {x});
  EXPECT(outcome.error.empty());
  EXPECT(outcome.outputs.size() == 2 &&
         engine_test::Near(outcome.outputs[0], AttentionByLoops(x), 2e-3f));
}

TEST(one_and_two_threads_agree_bit_for_bit) {
  const std::string text =
      Program("tensor<fp16, [1, 67, 1, 301]> x, tensor<fp16, [1, 67, 1, 1]> w",
              "tensor<fp16, [1, 67, 1, 301]> q = mul(x = x, y = x);"
              "tensor<fp16, [1, 1, 1, 301]> s = reduce_sum(x = q, axes = " +
                  Ints("1", 1) +
                  ", keep_dims = bool(true));"
                  "tensor<fp16, [1, 1, 1, 301]> m = mul(x = s, y = fp16(0.0149));"
                  "tensor<fp16, [1, 1, 1, 301]> r = pow(x = m, y = fp16(-0.5));"
                  "tensor<fp16, [1, 67, 1, 301]> n = mul(x = x, y = r);"
                  "tensor<fp16, [1, 67, 1, 301]> y = mul(x = n, y = w);"
                  "tensor<fp16, [1, 67, 1, 301]> z = softmax(x = y, axis = int32(1));"
                  "tensor<fp16, [1, 67, 1, 67]> g = matmul(x = ty, y = ty2);"
                  "tensor<fp16, [1]> total = reduce_mean(x = z, axes = " +
                  Ints("1, 2, 3", 3) + ");",
              "y, z, g, total");
  std::string whole = text;
  whole.replace(
      whole.find("tensor<fp16, [1, 67, 1, 67]> g"), 0,
      "tensor<fp16, [1, 1, 67, 301]> a = transpose(x = y, perm = " + Ints("0, 2, 1, 3", 4) +
          ");"
          "tensor<fp16, [1, 1, 67, 301]> ty = identity(x = a);"
          "tensor<fp16, [1, 1, 301, 67]> ty2 = transpose(x = a, perm = " +
          Ints("0, 1, 3, 2", 4) + ");");
  whole.replace(whole.find("tensor<fp16, [1, 67, 1, 67]> g"), 30, "tensor<fp16, [1, 1, 67, 67]> g");
  const std::vector<Numbers> inputs = {Random(67 * 301, 11, 4), Random(67, 12)};
  const Outcome one = Run(whole, inputs, {}, 1), two = Run(whole, inputs, {}, 2),
                three = Run(whole, inputs, {}, 3);
  EXPECT(one.error.empty());
  EXPECT(one.outputs == two.outputs);
  EXPECT(one.outputs == three.outputs);
  bool finite = true;
  for (const Numbers& output : one.outputs) {
    for (float v : output) finite = finite && std::isfinite(v);
  }
  EXPECT(finite);
}

TEST(exact_rounds_every_operation_and_fast_only_what_is_stored) {
  const std::string text = Program(
      "tensor<fp16, [3000]> x",
      "tensor<fp16, [3000]> a = mul(x = x, y = x); tensor<fp16, [3000]> b = add(x = a, y = x);"
      "tensor<fp16, [3000]> y = mul(x = b, y = a);",
      "y");
  const Numbers x = Random(3000, 9, 3);
  Numbers exact, fast;
  for (float v : x) {
    const float a = Half(v * v);
    exact.push_back(Half(Half(a + v) * a));
    fast.push_back(Half((v * v + v) * (v * v)));
  }
  EXPECT(Run(text, {x}).outputs == std::vector<Numbers>{exact});
  ane::CompileOptions options;
  options.exact = false;
  EXPECT(engine_test::Near(Run(text, {x}, options).outputs.at(0), fast, 1e-3f));
  EXPECT(Run(text, {x}, options).outputs.at(0) != exact);
}

TEST(fused_operations_on_rows_of_any_length_equal_plain_loops) {
  const float special[] = {NAN, INFINITY, -INFINITY, 6e-8f, -3e-5f, 65504, -0.0f};
  for (const int columns : {1, 3, 17, 255, 257, 511, 512, 513, 1300}) {
    for (const int rows : {1, 7, 33}) {
      const auto type = [](int r, int c) {
        return "tensor<fp16, [" + std::to_string(r) + ", " + std::to_string(c) + "]> ";
      };
      const std::string whole = type(rows, columns);
      const std::string text = Program(
          whole + "x, " + type(columns, rows) + "u, " + type(1, columns) + "v, " + type(rows, 1) +
              "w",
          whole + "t = transpose(x = u, perm = " + Ints("1, 0", 2) + ");" +
              whole + "a = mul(x = x, y = t);" + whole + "b = sub(x = a, y = v);" + whole +
              "c = maximum(x = b, y = w);" + whole + "d = abs(x = c);" + whole +
              "y = add(x = d, y = a);",
          "c, y");
      const size_t count = size_t(rows * columns);
      Numbers x = Random(count, 5, 300), u = Random(count, 6, 300);
      const Numbers v = Random(size_t(columns), 7, 9), w = Random(size_t(rows), 8, 9);
      for (size_t i = 0; i < count; i += 11) x[i] = Half(special[i / 11 % 7]);
      bool same = true;
      for (const int threads : {1, 2}) {
        const Outcome outcome = Run(text, {x, u, v, w}, {}, threads);
        EXPECT(outcome.error.empty());
        for (size_t i = 0; i < count; ++i) {
          const size_t r = i / size_t(columns), k = i % size_t(columns);
          const float a = Half(x[i] * u[k * size_t(rows) + r]), b = Half(a - v[k]);
          const float c = b != b ? b : std::max(b, w[r]), y = Half(std::fabs(c) + a);
          const float gotc = outcome.outputs[0][i], goty = outcome.outputs[1][i];
          same = same && (c == gotc || (c != c && gotc != gotc)) &&
                 (y == goty || (y != y && goty != goty));
        }
      }
      EXPECT(same);
    }
  }
}

TEST(values_read_later_survive_fusion_and_memory_reuse) {
  // `a` is read again after a long chain; `b` is both an output and an operand; outputs repeat and
  // name an input.
  std::string body =
      "tensor<fp16, [5, 9]> a = add(x = x, y = fp16(1)); tensor<fp16, [5, 9]> c0 = mul(x = a, y = "
      "a);";
  for (int i = 0; i < 60; ++i) {
    const std::string from = "c" + std::to_string(i), to = "c" + std::to_string(i + 1);
    body += "tensor<fp16, [5, 9]> " + to + " = " +
            (i % 7 == 6 ? "reverse(x = " + from + ", axes = " + Ints("1", 1) + ")"
                        : "sub(x = " + from + ", y = a)") +
            ";";
  }
  body +=
      "tensor<fp16, [5, 9]> b = add(x = c60, y = a); tensor<fp16, [9, 5]> t = transpose(x = b, "
      "perm = " +
      Ints("1, 0", 2) + "); tensor<fp16, [9, 5]> y = add(x = t, y = t);";
  const Numbers x = Random(45, 21);
  Numbers a(45), c(45), b(45), y(45);
  for (size_t i = 0; i < 45; ++i) c[i] = Half((a[i] = Half(x[i] + 1)) * a[i]);
  for (int k = 0; k < 60; ++k) {
    for (size_t r = 0; r < 5; ++r) {
      if (k % 7 == 6) std::reverse(c.begin() + int(9 * r), c.begin() + int(9 * r) + 9);
    }
    for (size_t i = 0; k % 7 != 6 && i < 45; ++i) c[i] = Half(c[i] - a[i]);
  }
  for (size_t i = 0; i < 45; ++i) b[i] = Half(c[i] + a[i]);
  for (size_t i = 0; i < 45; ++i) y[i % 9 * 5 + i / 9] = Half(2 * b[i]);
  const Outcome outcome = Run(Program("tensor<fp16, [5, 9]> x", body, "b, y, b, x"), {x});
  EXPECT(outcome.error.empty());
  EXPECT(outcome.outputs == std::vector<Numbers>({b, y, b, x}));
}

TEST(concat_of_everything_lands_in_the_output) {
  const std::string text = Program("tensor<fp16, [2, 3]> x, tensor<fp16, [2, 3]> w",
                                   "tensor<fp16, [2, 3]> a = add(x = x, y = w); tensor<fp16, [3, "
                                   "2]> t = transpose(x = a, perm = " +
                                       Ints("1, 0", 2) +
                                       ");"
                                       "tensor<fp16, [2, 3]> r = reshape(x = t, shape = " +
                                       Ints("2, 3", 2) +
                                       ");"
                                       "tensor<fp16, [2, 1]> l = slice_by_size(x = x, begin = " +
                                       Ints("0, 2", 2) + ", size = " + Ints("2, 1", 2) +
                                       ");"
                                       "tensor<fp16, [2, 13]> c = concat(axis = int32(-1), "
                                       "interleave = bool(false), values = (a, r, a, l, x));"
                                       "tensor<fp16, [2, 26]> y = concat(axis = int32(1), "
                                       "interleave = bool(true), values = (c, c));",
                                   "y");
  const Numbers x = {1, 2, 3, 4, 5, 6}, w = {10, 20, 30, 40, 50, 60};
  const Numbers c = {11, 22, 33, 11, 44, 22, 11, 22, 33, 3, 1, 2, 3,
                     44, 55, 66, 55, 33, 66, 44, 55, 66, 6, 4, 5, 6};
  Numbers y;
  for (float v : c) y.insert(y.end(), {v, v});
  EXPECT(Run(text, {x, w}).outputs == std::vector<Numbers>{y});
}

TEST(thousands_of_operations_compile_quickly) {
  std::string body;
  for (int i = 0; i < 4000; ++i) {
    const std::string from = i == 0 ? "x" : "v" + std::to_string(i - 1);
    body += "tensor<fp16, [1, 8, 1, 4]> v" + std::to_string(i) + " = " +
            (i % 5 == 4 ? "softmax(x = " + from + ", axis = int32(1))"
                        : "add(x = " + from + ", y = x)") +
            ";\n";
  }
  const Outcome outcome =
      Run(Program("tensor<fp16, [1, 8, 1, 4]> x", body, "v3999"), {Random(32, 1)});
  EXPECT(outcome.error.empty() && outcome.outputs.size() == 1);
}
