// Each family of operations on odd sizes against plain loops.
#include <algorithm>

#include "check.h"
#include "engine_program.h"

using namespace engine_test;

namespace {

// One operation on x fp32 [3, 37] or on x and w.
Numbers Unary(const std::string& op, const std::string& extra, const Numbers& x) {
  return Only(Run(Program("tensor<fp32, [3, 37]> x",
                          "tensor<fp32, [3, 37]> y = " + op + "(x = x" + extra + ");", "y"),
                  {x}));
}

template <typename F>
Numbers Map(const Numbers& x, F f) {
  Numbers y;
  for (float v : x) y.push_back(float(f(double(v))));
  return y;
}

}  // namespace

TEST(unary_operations) {
  const Numbers x = Random(111, 4, 3);
  const auto check = [&](const std::string& op, const std::string& extra, auto f) {
    const bool near = Near(Unary(op, extra, x), Map(x, f), 2e-6f);
    if (!near) std::printf("%s\n", op.c_str());
    return near;
  };
  EXPECT(check("exp", "", [](double v) { return std::exp(v); }));
  EXPECT(check("sigmoid", "", [](double v) { return 1 / (1 + std::exp(-v)); }));
  EXPECT(check("silu", "", [](double v) { return v / (1 + std::exp(-v)); }));
  EXPECT(check("tanh", "", [](double v) { return std::tanh(v); }));
  EXPECT(check("relu", "", [](double v) { return std::max(v, 0.0); }));
  EXPECT(check("relu6", "", [](double v) { return std::min(std::max(v, 0.0), 6.0); }));
  EXPECT(check("abs", "", [](double v) { return std::fabs(v); }));
  EXPECT(check("erf", "", [](double v) { return std::erf(v); }));
  EXPECT(check("round", "", [](double v) { return std::nearbyint(v); }));
  EXPECT(check("softplus", "", [](double v) { return std::log1p(std::exp(v)); }));
  EXPECT(check("gelu", "", [](double v) { return v / 2 * (1 + std::erf(v / std::sqrt(2.0))); }));
  EXPECT(check("gelu", ", mode = string(\"SIGMOID_APPROXIMATION\")",
               [](double v) { return v / (1 + std::exp(-1.702 * v)); }));
  EXPECT(check("clip", ", alpha = fp32(-0.5), beta = fp32(1)",
               [](double v) { return std::clamp(v, -0.5, 1.0); }));
  EXPECT(check("leaky_relu", ", alpha = fp32(0.25)", [](double v) { return v < 0 ? v / 4 : v; }));
  EXPECT(check("sigmoid_hard", ", alpha = fp32(0.5), beta = fp32(0.25)",
               [](double v) { return std::clamp(v / 2 + 0.25, 0.0, 1.0); }));
  EXPECT(check("linear_activation", ", alpha = fp32(2), beta = fp32(-1)",
               [](double v) { return 2 * v - 1; }));
  const Numbers positive = Map(x, [](double v) { return v * v + 0.1; });
  EXPECT(Near(Unary("rsqrt", ", epsilon = fp32(0.5)", positive),
              Map(positive, [](double v) { return 1 / std::sqrt(v + 0.5); }), 2e-6f));
  EXPECT(
      Near(Unary("log", "", positive), Map(positive, [](double v) { return std::log(v); }), 2e-6f));
  EXPECT(Near(Unary("inverse", "", positive),
              Map(positive, [](double v) { return 1 / (v + 1e-4f); }), 2e-6f));
}

TEST(broadcasting_and_integers) {
  const Numbers x = Random(35, 5), w = Random(7, 6), column = {1, 2, 3, 4, 5};
  Numbers sum, integer;
  for (size_t i = 0; i < 35; ++i) sum.push_back(Half(Half(x[i] + w[i % 7]) * column[i / 7]));
  EXPECT(Only(Run(Program("tensor<fp16, [5, 7]> x, tensor<fp16, [7]> w, tensor<fp16, [5, 1]> c",
                          "tensor<fp16, [5, 7]> s = add(x = w, y = x); tensor<fp16, [5, 7]> y = "
                          "mul(x = s, y = c);",
                          "y"),
                  {x, w, column})) == sum);
  const Numbers a = {7, -7, 8, 16777217 - 1}, b = {2, 2, -3, 5};
  EXPECT(Run(Program("tensor<int32, [4]> a, tensor<int32, [4]> b",
                     "tensor<int32, [4]> q = floor_div(x = a, y = b); tensor<int32, [4]> r = mod(x "
                     "= a, y = b);"
                     "tensor<bool, [4]> l = less(x = a, y = b); tensor<int32, [4]> s = select(cond "
                     "= l, a = a, b = b);",
                     "q, r, s"),
             {a, b})
             .outputs ==
         std::vector<Numbers>({{3, -4, -3, 3355443}, {1, 1, -1, 1}, {2, -7, -3, 5}}));
  const Numbers f = {-1.5f, 2.5f, 0, 300};
  EXPECT(Run(Program("tensor<fp16, [4]> f",
                     "tensor<int32, [4]> i = cast(x = f, dtype = \"int32\"); tensor<bool, [4]> t = "
                     "cast(x = f, dtype = \"bool\");"
                     "tensor<fp32, [4]> w = cast(x = t, dtype = \"fp32\");",
                     "i, w"),
             {f})
             .outputs == std::vector<Numbers>({{-1, 2, 0, 300}, {1, 1, 0, 1}}));
}

TEST(reductions_along_every_axis) {
  const Numbers x = Random(3 * 21 * 13, 8);
  const auto run = [&](const std::string& op, const std::string& axes, int count,
                       const std::string& shape) {
    return Only(Run(Program("tensor<fp32, [3, 21, 13]> x",
                            "tensor<fp32, [" + shape + "]> y = " + op + "(x = x, axes = " +
                                Ints(axes, count) + ", keep_dims = bool(true));",
                            "y"),
                    {x}));
  };
  Numbers outer(13 * 21, 0), middle(39, 0), inner(63, 0), largest(39, -9), all(1, 0),
      log_sum(63, 0);
  for (size_t i = 0; i < x.size(); ++i) {
    outer[i % 273] += x[i];
    middle[i / 273 * 13 + i % 13] += x[i];
    inner[i / 13] += x[i] / 13;
    largest[i / 273 * 13 + i % 13] = std::max(largest[i / 273 * 13 + i % 13], x[i]);
    all[0] += x[i] * x[i];
    log_sum[i / 13] += std::exp(x[i]);
  }
  EXPECT(Near(run("reduce_sum", "0", 1, "1, 21, 13"), outer, 1e-5f));
  EXPECT(Near(run("reduce_sum", "1", 1, "3, 1, 13"), middle, 1e-5f));
  EXPECT(Near(run("reduce_mean", "-1", 1, "3, 21, 1"), inner, 1e-5f));
  EXPECT(Near(run("reduce_max", "1", 1, "3, 1, 13"), largest, 0));
  EXPECT(Near(run("reduce_sum_square", "0, 1, 2", 3, "1, 1, 1"), all, 1e-5f));
  EXPECT(Near(run("reduce_l2_norm", "0, 2, 1", 3, "1, 1, 1"),
              Map(all, [](double v) { return std::sqrt(v); }), 1e-5f));
  EXPECT(Near(run("reduce_log_sum_exp", "2", 1, "3, 21, 1"),
              Map(log_sum, [](double v) { return std::log(v); }), 1e-5f));
  const Numbers ties = {1, 5, 5, 2, -1, 0, 0, -3};
  EXPECT(Run(Program("tensor<fp16, [2, 4]> x",
                     "tensor<int32, [2]> y = reduce_argmax(x = x, axis = int32(-1));"
                     "tensor<fp16, [2, 2]> v, tensor<int32, [2, 2]> i = topk(x = x, k = int32(2));",
                     "y, v, i"),
             {ties})
             .outputs == std::vector<Numbers>({{1, 1}, {5, 5, 0, 0}, {1, 2, 1, 2}}));
}

TEST(plus_zero_is_larger_than_minus_zero_in_rows_columns_and_pairs) {
  for (const int n : {2, 9, 257, 2051}) {
    for (const int at : {0, n / 2, n - 1}) {
      Numbers low(size_t(n) * 8, -0.0), high(size_t(n) * 8, 0.0);
      low[size_t(at) * 8] = 0.0;
      high[size_t(at) * 8] = -0.0;
      const std::string matrix = "[" + std::to_string(n) + ", 8]";
      const auto ends = [&](const std::string& axis, const std::string& shape) {
        const std::string arguments = ", axes = tensor<int32, [1]>([" + axis + "]), keep_dims = bool(false));";
        const auto out = Run(Program("tensor<fp32, " + matrix + "> x, tensor<fp32, " + matrix + "> z",
                                     "tensor<fp32, " + shape + "> y = reduce_max(x = x" + arguments +
                                         "tensor<fp32, " + shape + "> w = reduce_min(x = z" + arguments,
                                     "y, w"),
                             {low, high})
                             .outputs;
        return std::signbit(out[0][0]) == false && std::signbit(out[1][0]) == true;
      };
      EXPECT(ends("0", "[8]"));
      if (at == 0) EXPECT(ends("1", "[" + std::to_string(n) + "]"));
    }
  }
  const Numbers a = {0.0, -0.0, 0.0, -0.0}, b = {-0.0, 0.0, 0.0, -0.0};
  const auto pairs = Run(Program("tensor<fp16, [4]> a, tensor<fp16, [4]> b",
                                 "tensor<fp16, [4]> y = maximum(x = a, y = b);"
                                 "tensor<fp16, [4]> z = minimum(x = a, y = b);",
                                 "y, z"),
                         {a, b})
                         .outputs;
  for (size_t i = 0; i < 4; ++i) {
    EXPECT(std::signbit(pairs[0][i]) == (i == 3));
    EXPECT(std::signbit(pairs[1][i]) == (i != 2));
  }
}

TEST(extremes_of_long_rows_are_found_wherever_they_are_and_are_no_number_if_one_is_none) {
  for (const int n : {1, 3, 17, 257, 1024, 1025, 2051}) {
    for (const int at : {0, n / 2, n - 1}) {
      const auto both = [&](double peak) {
        Numbers x(size_t(n), -1.5), negated;
        x[size_t(at)] = peak;
        for (const double v : x) negated.push_back(-v);
        const std::string row = "[1, " + std::to_string(n) + "]", arguments = ", axes = tensor<int32, [1]>([1]), "
                                "keep_dims = bool(true));";
        return Run(Program("tensor<fp32, " + row + "> x, tensor<fp32, " + row + "> z",
                           "tensor<fp32, [1, 1]> y = reduce_max(x = x" + arguments +
                               "tensor<fp32, [1, 1]> w = reduce_min(x = z" + arguments,
                           "y, w"),
                   {x, negated})
            .outputs;
      };
      EXPECT(both(-0.25) == std::vector<Numbers>({{-0.25}, {0.25}}));
      EXPECT(both(INFINITY) == std::vector<Numbers>({{INFINITY}, {-INFINITY}}));
      for (const Numbers& out : both(NAN)) EXPECT(std::isnan(out[0]));
    }
  }
}

TEST(windows_borders_and_indices) {
  Numbers x(24);
  for (size_t i = 0; i < 24; ++i) x[i] = float(i);
  const auto run = [&](const std::string& type, const std::string& call) {
    return Only(
        Run(Program("tensor<fp16, [4, 6]> x", "tensor<" + type + "> y = " + call + ";", "y"), {x}));
  };
  EXPECT(run("fp16, [2, 3]", "slice_by_index(x = x, begin = " + Ints("-1, 1", 2) +
                                 ", end = " + Ints("0, 6", 2) + ", stride = " + Ints("-2, 2", 2) +
                                 ")") == Numbers({19, 21, 23, 7, 9, 11}));
  EXPECT(run("fp16, [3]", "slice_by_index(x = x, begin = " + Ints("2, 3", 2) +
                              ", end = " + Ints("0, 0", 2) +
                              ", end_mask = tensor<bool, [2]>([false, true]), squeeze_mask = "
                              "tensor<bool, [2]>([true, false]))") == Numbers({15, 16, 17}));
  EXPECT(run("fp16, [2, 2]", "slice_by_size(x = x, begin = " + Ints("2, -2", 2) + ", size = " +
                                 Ints("-1, 2", 2) + ")") == Numbers({16, 17, 22, 23}));
  EXPECT(
      run("fp16, [4, 10]", "pad(x = x, pad = " + Ints("3, 1", 2) + ", mode = string(\"reflect\"))")
          .at(0) == 3);
  EXPECT(
      run("fp16, [2, 6]", "gather(x = x, indices = " + Ints("3, -3", 2) + ", axis = int32(0))") ==
      Numbers({18, 19, 20, 21, 22, 23, 6, 7, 8, 9, 10, 11}));
  EXPECT(run("fp16, [4, 1]",
             "gather_along_axis(x = x, indices = tensor<int32, [4, 1]>([0, 5, -1, 2]), axis = "
             "int32(1))") == Numbers({0, 11, 17, 20}));
  EXPECT(run("fp16, [2]", "gather_nd(x = x, indices = tensor<int32, [2, 2]>([0, 5, 3, 1]))") ==
         Numbers({5, 19}));
  EXPECT(run("fp16, [8, 6]", "tile(x = x, reps = " + Ints("2, 1", 2) + ")").at(30) == 6);
  EXPECT(run("fp16, [4, 2, 6]", "stack(values = (x, x), axis = int32(1))").at(17) == 11);
  EXPECT(run("int32, [2]", "shape(x = x)") == Numbers({4, 6}));
  EXPECT(run("fp16, [4, 6]", "cumsum(x = x, axis = int32(1), exclusive = bool(true))").at(5) == 10);
  EXPECT(Run(Program("tensor<fp16, [4]> x, tensor<int32, [2]> i",
                     "tensor<fp16, [2]> y = gather(x = x, indices = i, axis = int32(0));", "y"),
             {{1, 2, 3, 4}, {1, 4}})
             .error.find("outside") != std::string::npos);
  EXPECT(Only(Run(Program("tensor<fp16, [3, 4]> x, tensor<int32, [2]> b",
                          "tensor<fp16, [2, 2]> y = slice_by_size(x = x, begin = b, size = " +
                              Ints("2, 2", 2) + ");",
                          "y"),
                  {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, {1, 2}})) == Numbers({6, 7, 10, 11}));
  EXPECT(Only(Run(Program("tensor<fp16, [2, 3]> x, tensor<fp16, [2]> u",
                          "tensor<fp16, [2, 3]> y = slice_update(x = x, update = u, begin = " +
                              Ints("0, 1", 2) + ", end = " + Ints("2, 0", 2) +
                              ", squeeze_mask = tensor<bool, [2]>([false, true]));",
                          "y"),
                  {{1, 2, 3, 4, 5, 6}, {8, 9}})) == Numbers({1, 8, 3, 4, 9, 6}));
}

TEST(norms_attention_and_quantisation) {
  const Numbers x = Random(4 * 33, 6, 5), gamma = Random(33, 7), beta = Random(33, 8);
  Numbers normal(4 * 33), soft(4 * 33);
  for (size_t r = 0; r < 4; ++r) {
    double mean = 0, variance = 0, sum = 0;
    for (size_t i = 0; i < 33; ++i) mean += x[r * 33 + i] / 33;
    for (size_t i = 0; i < 33; ++i)
      variance += (x[r * 33 + i] - mean) * (x[r * 33 + i] - mean) / 33;
    for (size_t i = 0; i < 33; ++i) sum += std::exp(x[r * 33 + i]);
    for (size_t i = 0; i < 33; ++i) {
      normal[r * 33 + i] =
          float((x[r * 33 + i] - mean) / std::sqrt(variance + 1e-5) * gamma[i] + beta[i]);
      soft[r * 33 + i] = float(std::exp(x[r * 33 + i]) / sum);
    }
  }
  EXPECT(
      Near(Only(Run(Program("tensor<fp32, [4, 33]> x, tensor<fp32, [33]> g, tensor<fp32, [33]> b",
                            "tensor<fp32, [4, 33]> y = layer_norm(x = x, axes = " + Ints("1", 1) +
                                ", gamma = g, beta = b);",
                            "y"),
                    {x, gamma, beta})),
           normal, 1e-5f));
  EXPECT(Near(
      Only(Run(Program("tensor<fp32, [4, 33]> x", "tensor<fp32, [4, 33]> y = softmax(x = x);", "y"),
               {x})),
      soft, 1e-6f));
  const Numbers long_row = Random(9001, 9);
  double total = 0;
  for (float v : long_row) total += std::exp(double(v));
  EXPECT(Near(
      Only(Run(Program("tensor<fp32, [9001]> x", "tensor<fp32, [9001]> y = softmax(x = x);", "y"),
               {long_row})),
      Map(long_row, [&](double v) { return std::exp(v) / total; }), 1e-6f));
  EXPECT(Run(Program("tensor<fp32, [5]> x",
                     "tensor<int8, [5]> q = quantize(input = x, scale = fp32(0.5), output_dtype = "
                     "string(\"int8\"));"
                     "tensor<fp32, [5]> y = dequantize(input = q, scale = fp32(0.5));",
                     "q, y"),
             {{0.25f, 0.75f, -0.25f, 100, -100}})
             .outputs == std::vector<Numbers>({{0, 2, 0, 127, -128}, {0, 1, 0, 63.5f, -64}}));
  EXPECT(Only(Run(Program("tensor<fp16, [1, 1, 2]> q, tensor<fp16, [1, 2, 2]> k, tensor<fp16, [1, "
                          "2, 1]> v, tensor<bool, [1, 2]> m",
                          "tensor<fp16, [1, 1, 1]> y = scaled_dot_product_attention(query = q, key "
                          "= k, value = v, attn_mask = m);",
                          "y"),
                  {{1, 1}, {5, 5, 1, 1}, {3, 4}, {0, 1}})) == Numbers({4}));
}

TEST(norms_and_softmax_of_any_length_along_either_axis) {
  for (const int rows : {1, 3, 17}) {
    for (const int length : {1, 3, 7, 17, 33, 255, 257}) {
      for (const bool last : {true, false}) {
        const int64_t step = last ? 1 : rows, next = last ? length : 1;
        const std::string shape = "tensor<fp32, [" + std::to_string(last ? rows : length) + ", " +
                                  std::to_string(last ? length : rows) + "]> ";
        const std::string axis = last ? "1" : "0";
        Numbers x = Random(size_t(rows * length), 6, 5), normal(x.size()), soft(x.size());
        for (size_t i = 0; i < x.size(); i += 5) x[i] = 1e-41f;
        for (int r = 0; r < rows; ++r) {
          const auto at = [&](int i) { return size_t(r * next + i * step); };
          double mean = 0, variance = 0, sum = 0;
          for (int i = 0; i < length; ++i) mean += x[at(i)] / double(length);
          for (int i = 0; i < length; ++i) variance += std::pow(x[at(i)] - mean, 2) / length;
          for (int i = 0; i < length; ++i) sum += std::exp(double(x[at(i)]));
          for (int i = 0; i < length; ++i) {
            normal[at(i)] = float((x[at(i)] - mean) / std::sqrt(variance + 1e-5));
            soft[at(i)] = float(std::exp(double(x[at(i)])) / sum);
          }
        }
        const auto run = [&](const std::string& call) {
          return Only(Run(Program(shape + "x", shape + "y = " + call + ";", "y"), {x}));
        };
        EXPECT(Near(run("layer_norm(x = x, axes = " + Ints(axis, 1) + ", epsilon = fp32(1e-5))"), normal, 2e-5f));
        EXPECT(Near(run("softmax(x = x, axis = int32(" + axis + "))"), soft, 1e-6f));
      }
    }
  }
}

TEST(rows_are_gathered_and_scattered_whatever_their_length) {
  for (const int rows : {1, 3, 17, 257}) {
    for (const int length : {1, 3, 7, 33, 255}) {
      for (const int count : {1, 7, 33}) {
        const auto type = [&](int n) {
          return "tensor<fp16, [" + std::to_string(n) + ", " + std::to_string(length) + "]> ";
        };
        const Numbers x = Random(size_t(rows * length), 1), update = Random(size_t(count * length), 2);
        Numbers ids, gathered, added = x;
        for (int i = 0; i < count; ++i) {
          const int id = i * 5 % rows;
          ids.push_back(float(i % 2 == 0 ? id : id - rows));
          for (int c = 0; c < length; ++c) {
            gathered.push_back(x[size_t(id * length + c)]);
            float& slot = added[size_t(id * length + c)];
            slot += update[size_t(i * length + c)];
          }
        }
        for (float& slot : added) slot = Half(slot);
        const auto outputs =
            Run(Program(type(rows) + "x, tensor<int32, [" + std::to_string(count) + "]> i, " + type(count) + "u",
                        type(count) + "g = gather(x = x, indices = i, axis = int32(0));" + type(rows) +
                            "s = scatter(data = x, indices = i, updates = u, axis = int32(0), mode = string(\"add\"));",
                        "g, s"),
                {x, ids, update})
                .outputs;
        EXPECT(outputs == std::vector<Numbers>({gathered, added}));
      }
    }
  }
}

TEST(a_scatter_rounds_the_sum_of_all_updates_once) {
  // 1 + 4 · 2^-12 is 1 + 2^-10; one by one every addition would round back to 1.
  const std::string text = Program(
      "tensor<fp16, [2]> x, tensor<fp16, [4]> u",
      "tensor<fp16, [2]> y = scatter(data = x, indices = " + Ints("0, 0, 0, 0", 4) +
          ", updates = u, axis = int32(0), mode = \"add\");",
      "y");
  const float part = 1.0f / 4096;
  EXPECT(Only(Run(text, {{1, 7}, {part, part, part, part}})) == Numbers({1 + 4 * part, 7}));
}

TEST(a_scatter_keeps_the_nan_of_its_updates) {
  for (const char* mode : {"\"min\"", "\"max\""}) {
    std::string call = "tensor<fp16, [2]> y = scatter(data = x, updates = u, axis = int32(0), mode = ";
    call.append(mode).append(", indices = ").append(Ints("1", 1)).append(");");
    const Numbers y =
        Only(Run(Program("tensor<fp16, [2]> x, tensor<fp16, [1]> u", call, "y"), {{1, 2}, {NAN}}));
    EXPECT(y.size() == 2 && y[0] == 1 && std::isnan(y[1]));
  }
}

TEST(gather_nd_reads_from_the_batch_of_its_index) {
  const std::string text = Program(
      "tensor<fp16, [2, 3, 2]> x",
      "tensor<int32, [2, 1, 1]> i = const()[val = tensor<int32, [2, 1, 1]>([[[2]], [[0]]])]; "
      "tensor<fp16, [2, 1, 2]> y = gather_nd(x = x, indices = i, batch_dims = int32(1));",
      "y");
  EXPECT(Only(Run(text, {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}})) == Numbers({4, 5, 6, 7}));
}

TEST(an_average_counts_padding_but_not_what_ceil_mode_adds) {
  const std::string text = Program(
      "tensor<fp16, [1, 1, 5]> x",
      "tensor<fp16, [1, 1, 3]> y = avg_pool(x = x, kernel_sizes = " + Ints("3", 1) +
          ", strides = " + Ints("2", 1) + ", pad_type = \"custom\", pad = " + Ints("1, 0", 2) +
          ", ceil_mode = bool(true));",
      "y");
  // The last window holds one element and two places behind the end.
  EXPECT(Near(Only(Run(text, {{3, 6, 9, 12, 15}})), {3, 9, 13.5f}, 1e-3f));
}

TEST(bounds_in_the_wrong_order_clip_to_the_upper_one) {
  const std::string text = Program("tensor<fp16, [3]> x",
                                   "tensor<fp16, [3]> y = clip(x = x, alpha = fp16(2.0), beta = "
                                   "fp16(-1.0));",
                                   "y");
  EXPECT(Only(Run(text, {{-5, 0, 5}})) == Numbers({-1, -1, -1}));
}

TEST(zeros_with_a_sign_and_nan_pass_through_functions_as_the_reference_says) {
  const auto only = [](const char* call, float x) {
    std::string body = "tensor<fp16, [1]> y = ";
    body.append(call).append(";");
    const Numbers y = Only(Run(Program("tensor<fp16, [1]> x", body, "y"), {{x}}));
    return y.size() == 1 ? y[0] : 42.0f;
  };
  EXPECT(only("rsqrt(x = x)", -0.0f) == INFINITY);
  EXPECT(!std::signbit(only("relu6(x = x)", -0.0f)));
  EXPECT(!std::signbit(only("sign(x = x)", -0.0f)));
  EXPECT(!std::signbit(only("clip(x = x, alpha = fp16(0.0), beta = fp16(1.0))", -0.0f)));
  EXPECT(std::isnan(only("clamped_relu(x = x, alpha = fp16(0.5), beta = fp16(1.0))", NAN)));
}

TEST(infinite_numbers_become_the_integer_0_and_large_ones_keep_their_low_bits) {
  const std::string text = Program("tensor<fp32, [4]> x",
                                   "tensor<int32, [4]> y = cast(x = x, dtype = \"int32\");", "y");
  EXPECT(Only(Run(text, {{INFINITY, -INFINITY, NAN, 0x1p63f}})) == Numbers({0, 0, 0, 0}));
  EXPECT(Only(Run(text, {{0x1p31f, -0x1p32f, 3e9f, -2.5f}})) ==
         Numbers({-0x1p31f, 0, 3e9f - 0x1p32f, -2}));
}

TEST(a_border_of_integers_is_an_integer) {
  const auto compiled = ane::Executable::Compile(
      Program("tensor<int32, [2]> x",
              "tensor<int32, [3]> y = pad(x = x, pad = " + Ints("0, 1", 2) +
                  ", mode = \"constant\", constant_val = fp32(-0.5));",
              "y"),
      {});
  EXPECT(!compiled.ok() &&
         compiled.status().message().find("Expected a number of int32 for constant_val") !=
             std::string::npos);
}

TEST(integers_wrap_around_where_a_double_has_too_few_digits) {
  const auto only = [](const char* call, float x) {
    std::string body = "tensor<int32, [1]> y = ";
    body.append(call).append(";");
    return Only(Run(Program("tensor<int32, [1]> x", body, "y"), {{x}}));
  };
  const auto low = [](int64_t x) { return Numbers({float(int32_t(uint32_t(uint64_t(x))))}); };
  EXPECT(only("mul(x = x, y = x)", 16777213) == low(int64_t{16777213} * 16777213));
  EXPECT(only("square(x = x)", 16777213) == low(int64_t{16777213} * 16777213));
  uint32_t power = 1;
  for (int i = 0; i < 17; ++i) power *= 17;
  EXPECT(only("pow(x = x, y = x)", 17) == Numbers({float(int32_t(power))}));
}
