// Attention and its derivative run as one node each: against the same program with one more output,
// which keeps every operation apart.
#include <algorithm>
#include <limits>

#include "check.h"
#include "engine/matrix_batch.h"
#include "engine_program.h"

using engine_test::Ints;
using engine_test::Near;
using engine_test::Numbers;
using engine_test::Outcome;
using engine_test::Program;
using engine_test::Random;
using engine_test::Run;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

enum class Mask { kNone, kCausal, kWindow, kFull };

// `heads` keys and values, each with `groups` queries; matrices with positions last, as in models.
struct Shape {
  int heads, groups, queries, keys, size, values;
  Mask mask = Mask::kCausal;
  bool scaled = false;
  const char* type = "fp16";
};

std::string Tensor(const Shape& s, int heads, int groups, int rows, int columns) {
  return std::string("tensor<") + s.type + ", [" + std::to_string(heads) + ", " +
         std::to_string(groups) + ", " + std::to_string(rows) + ", " + std::to_string(columns) +
         "]> ";
}

std::string MaskText(const Shape& s) {
  std::string list;
  for (int q = 0; q < s.queries; ++q) {
    for (int k = 0; k < s.keys; ++k) {
      const bool hidden = s.mask == Mask::kFull || k > q || (s.mask == Mask::kWindow && k + 5 < q);
      list += (list.empty() ? "" : ", ") + std::string(hidden ? "-65504" : "0");
    }
  }
  return std::string("tensor<") + s.type + ", [" + std::to_string(s.queries) + ", " +
         std::to_string(s.keys) + "]>([" + list + "])";
}

std::string Parameters(const Shape& s) {
  std::string text = Tensor(s, s.heads, s.groups, s.size, s.queries) + "q, " +
                     Tensor(s, s.heads, 1, s.size, s.keys) + "k, " +
                     Tensor(s, s.heads, 1, s.values, s.keys) + "v";
  return text;
}

std::string Probabilities(const Shape& s) {
  const std::string square = Tensor(s, s.heads, s.groups, s.queries, s.keys);
  std::string last = "s", text = square + "s = matmul(x = q, y = k, transpose_x = bool(true));";
  if (s.scaled) {
    text += square + "c = mul(x = s, y = " + s.type + "(0.375));";
    last = "c";
  }
  if (s.mask != Mask::kNone) {
    text += square + "a = add(x = " + last + ", y = " + MaskText(s) + ");";
    last = "a";
  }
  return text + square + "p = softmax(x = " + last + ", axis = int32(-1));";
}

std::string Forward(const Shape& s, bool apart) {
  return Program(Parameters(s),
                 Probabilities(s) + Tensor(s, s.heads, s.groups, s.values, s.queries) +
                     "o = matmul(x = v, y = p, transpose_y = bool(true));",
                 apart ? "o, p" : "o");
}

std::string Backward(const Shape& s, bool apart) {
  const std::string square = Tensor(s, s.heads, s.groups, s.queries, s.keys);
  return Program(
      Parameters(s) + ", " + Tensor(s, s.heads, s.groups, s.values, s.queries) + "d",
      Probabilities(s) + Tensor(s, s.heads, s.groups, s.values, s.keys) +
          "dv = matmul(x = d, y = p);" + Tensor(s, s.heads, 1, s.values, s.keys) +
          "dvs = reduce_sum(x = dv, axes = " + Ints("1", 1) + ", keep_dims = bool(true));" +
          square + "dp = matmul(x = d, y = v, transpose_x = bool(true));" + square +
          "t = mul(x = dp, y = p);" + Tensor(s, s.heads, s.groups, s.queries, 1) +
          "r = reduce_sum(x = t, axes = " + Ints("3", 1) + ", keep_dims = bool(true));" + square +
          "u = sub(x = dp, y = r);" + square + "g = mul(x = u, y = p);" +
          (s.scaled ? square + "h = mul(x = g, y = " + s.type + "(0.375));" : "") +
          Tensor(s, s.heads, s.groups, s.size, s.queries) +
          "dq = matmul(x = k, y = " + (s.scaled ? "h" : "g") + ", transpose_y = bool(true));" +
          Tensor(s, s.heads, s.groups, s.size, s.keys) +
          "dk = matmul(x = q, y = " + (s.scaled ? "h" : "g") + ");",
      apart ? "dq, dk, dvs, g" : "dq, dk, dvs");
}

std::vector<Numbers> Inputs(const Shape& s, bool backward, float scale = 1) {
  const auto random = [&](int count, uint32_t seed) { return Random(size_t(count), seed, scale); };
  std::vector<Numbers> in = {random(s.heads * s.groups * s.size * s.queries, 1),
                             random(s.heads * s.size * s.keys, 2),
                             random(s.heads * s.values * s.keys, 3)};
  if (backward) in.push_back(random(s.heads * s.groups * s.values * s.queries, 4));
  return in;
}

bool Same(const Numbers& a, const Numbers& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!(a[i] == b[i] || (a[i] != a[i] && b[i] != b[i]))) return false;
  }
  return true;
}

// Not-a-number and infinity at the same places, the rest near.
bool Alike(const Numbers& a, const Numbers& b, float tolerance) {
  Numbers x = a, y = b;
  if (x.size() != y.size()) return false;
  for (size_t i = 0; i < x.size(); ++i) {
    if (std::isfinite(x[i]) != std::isfinite(y[i])) return false;
    if (!std::isfinite(x[i])) x[i] = y[i] = 0;
  }
  return Near(x, y, tolerance);
}

size_t ScratchBytes(const std::string& text) {
  auto compiled = ane::Executable::Compile(text, {});
  return compiled.ok() ? compiled.value()->scratch_bytes() : 0;
}

const int kSizes[][2] = {{1, 1},     {1, 7},     {3, 3},     {7, 17},   {33, 33},
                         {100, 100}, {113, 113}, {255, 257}, {257, 255}};

std::vector<Shape> Shapes() {
  std::vector<Shape> shapes;
  for (const auto& [queries, keys] : kSizes) {
    for (const Mask mask : {Mask::kNone, Mask::kCausal, Mask::kWindow}) {
      shapes.push_back({2, 1, queries, keys, 5, 7, mask, false, "fp16"});
      shapes.push_back({1, 3, queries, keys, 33, 17, mask, true, "fp32"});
    }
  }
  return shapes;
}

}  // namespace

TEST(forward_gives_the_bits_of_its_operations_one_by_one) {
  for (const Shape& s : Shapes()) {
    const std::vector<Numbers> in = Inputs(s, false);
    const Outcome fused = Run(Forward(s, false), in), apart = Run(Forward(s, true), in);
    EXPECT(fused.error.empty() && fused.outputs.size() == 1);
    const bool same = !fused.outputs.empty() && Same(fused.outputs[0], apart.outputs.at(0));
    if (!same) std::printf("%d x %d %s\n", s.queries, s.keys, s.type);
    EXPECT(same);
  }
}

TEST(backward_gives_the_bits_of_its_operations_one_by_one) {
  for (const Shape& s : Shapes()) {
    const std::vector<Numbers> in = Inputs(s, true);
    const Outcome fused = Run(Backward(s, false), in), apart = Run(Backward(s, true), in);
    EXPECT(fused.error.empty() && fused.outputs.size() == 3);
    for (size_t i = 0; i < fused.outputs.size(); ++i) {
      const bool same = Same(fused.outputs[i], apart.outputs.at(i));
      if (!same) std::printf("%d x %d %s output %zu\n", s.queries, s.keys, s.type, i);
      EXPECT(same);
    }
  }
}

TEST(sums_of_more_than_one_block_give_the_bits_of_their_operations) {
  for (const Shape& s : {Shape{1, 1, 800, 70, 9, 40}, Shape{1, 1, 70, 1601, 40, 9, Mask::kWindow},
                         Shape{1, 1, 1100, 1100, 5, 5, Mask::kNone, true, "fp32"}}) {
    const std::vector<Numbers> in = Inputs(s, true), forward(in.begin(), in.begin() + 3);
    const Outcome fused = Run(Backward(s, false), in), apart = Run(Backward(s, true), in);
    for (size_t i = 0; i < 3; ++i) EXPECT(Same(fused.outputs.at(i), apart.outputs.at(i)));
    EXPECT(Same(Run(Forward(s, false), forward).outputs.at(0),
                Run(Forward(s, true), forward).outputs.at(0)));
  }
}

TEST(heads_that_share_keys_and_values_give_the_bits_of_their_operations) {
  const Shape s{16, 2, 33, 33, 8, 8};
  const std::vector<Numbers> in = Inputs(s, false);
  EXPECT(Same(Run(Forward(s, false), in).outputs.at(0), Run(Forward(s, true), in).outputs.at(0)));
}

TEST(fast_is_near_exact) {
  ane::CompileOptions fast;
  fast.exact = false;
  for (const Shape& s : {Shape{2, 2, 100, 100, 32, 32}, Shape{1, 1, 33, 257, 64, 8, Mask::kNone}}) {
    for (const bool backward : {false, true}) {
      const std::string text = backward ? Backward(s, false) : Forward(s, false);
      const std::vector<Numbers> in = Inputs(s, backward);
      const Outcome exact = Run(text, in), near = Run(text, in, fast);
      EXPECT(near.error.empty());
      for (size_t i = 0; i < near.outputs.size(); ++i)
        EXPECT(Near(near.outputs[i], exact.outputs[i], 3e-2f));
    }
  }
}

TEST(no_matrix_of_queries_times_keys_lies_in_scratch) {
  const Shape few{16, 16, 257, 33, 8, 8, Mask::kNone}, many{16, 16, 2056, 33, 8, 8, Mask::kNone};
  const auto growth = [&](auto program, bool apart) {
    return double(ScratchBytes(program(many, apart))) / double(ScratchBytes(program(few, apart)));
  };
  EXPECT(growth(Forward, true) > 4);
  EXPECT(growth(Forward, false) < 1.1);
  EXPECT(growth(Backward, true) > 4);
  EXPECT(growth(Backward, false) < 1.1);
}

TEST(working_memory_is_part_of_scratch) {
  const Shape s{2, 1, 100, 1000, 8, 8, Mask::kNone};
  const size_t rows = 8 * 1000 * sizeof(float);  // of the narrowest micro-kernel
  EXPECT(ScratchBytes(Forward(s, false)) >= rows);
  EXPECT(ScratchBytes(Backward(s, false)) >= 2 * rows);
}

TEST(threads_do_not_change_a_bit) {
  for (const Shape& s : {Shape{3, 2, 100, 100, 17, 17}, Shape{1, 1, 257, 257, 33, 5}}) {
    for (const bool backward : {false, true}) {
      const std::string text = backward ? Backward(s, false) : Forward(s, false);
      const std::vector<Numbers> in = Inputs(s, backward);
      const Outcome one = Run(text, in, {}, 1);
      for (const int threads : {2, 3, 4}) EXPECT(Run(text, in, {}, threads).outputs == one.outputs);
    }
  }
}

TEST(what_is_no_number_spreads_as_through_the_operations) {
  const Shape s{2, 1, 33, 33, 8, 8};
  for (const float strange : {kNaN, kInfinity, -kInfinity, 60000.0f, 6e-8f}) {
    for (size_t input = 0; input < 4; ++input) {
      // One number of the first and one of the last position.
      for (const size_t at : {size_t(3 * 33), size_t(5 * 33 + 32)}) {
        std::vector<Numbers> in = Inputs(s, true);
        in[input][at] = strange;
        const Outcome fused = Run(Backward(s, false), in), apart = Run(Backward(s, true), in);
        for (size_t i = 0; i < 3; ++i)
          EXPECT(Alike(fused.outputs.at(i), apart.outputs.at(i), 4e-3f));
        in.pop_back();
        EXPECT(Same(Run(Forward(s, false), in).outputs.at(0),
                    Run(Forward(s, true), in).outputs.at(0)));
      }
    }
  }
}

TEST(large_scores_reach_through_a_mask_of_finite_numbers) {
  // Scores of some 60000 outweigh the mask, so that keys behind it count.
  const Shape s{1, 1, 100, 100, 8, 8};
  for (const float scale : {10.0f, 60.0f, 100.0f}) {
    const std::vector<Numbers> in = Inputs(s, true, scale);
    const Outcome fused = Run(Backward(s, false), in), apart = Run(Backward(s, true), in);
    for (size_t i = 0; i < 3; ++i) EXPECT(Alike(fused.outputs.at(i), apart.outputs.at(i), 4e-3f));
    const std::vector<Numbers> forward(in.begin(), in.begin() + 3);
    EXPECT(Same(Run(Forward(s, false), forward).outputs.at(0),
                Run(Forward(s, true), forward).outputs.at(0)));
  }
}

TEST(products_are_bounded_by_the_lengths_of_rows) {
  const Numbers a = {3, 0, 0, 4, 1, 1}, b = {5, 12, 0, 2};  // rows of 2
  const auto matrix = [](const Numbers& numbers) {
    return ane::ConstMatrix{numbers.data(), ane::Dtype::kFp32, int64_t(numbers.size() / 2), 2, 2, 1};
  };
  const auto bound = [&](const Numbers& x, float enough) {
    return ane::engine::ProductBound(matrix(x), matrix(b), enough);
  };
  EXPECT(bound(a, 1000) == 2 * 4 * 12);
  EXPECT(bound(a, 50) == 4 * 13);
  for (const float strange : {kNaN, kInfinity, -kInfinity}) {
    Numbers x = a;
    x[3] = strange;
    EXPECT(!std::isfinite(bound(x, 50)) && !std::isfinite(bound(x, 1000)));
  }
}

TEST(rows_that_see_nothing_average_all_values) {
  const Shape s{2, 1, 17, 33, 8, 8, Mask::kFull};
  const std::vector<Numbers> in = Inputs(s, false);
  EXPECT(Same(Run(Forward(s, false), in).outputs.at(0), Run(Forward(s, true), in).outputs.at(0)));
}

TEST(near_misses_keep_their_meaning) {
  const std::string square = "tensor<fp32, [2, 7, 7]> ", thin = "tensor<fp32, [2, 7, 5]> ";
  const std::string parameters = thin + "q, " + thin + "k, " + thin + "v";
  const std::string scores = square + "s = matmul(x = q, y = k, transpose_y = bool(true));";
  const std::vector<Numbers> in = {Random(70, 1), Random(70, 2), Random(70, 3)};
  const auto by_loops = [&](bool over_queries, bool transposed) {
    Numbers out(70);
    for (int b = 0; b < 2; ++b) {
      double p[7][7];
      for (int i = 0; i < 7; ++i) {
        for (int j = 0; j < 7; ++j) {
          p[i][j] = 0;
          for (int e = 0; e < 5; ++e)
            p[i][j] +=
                double(in[0][size_t((b * 7 + i) * 5 + e)]) * in[1][size_t((b * 7 + j) * 5 + e)];
          p[i][j] = std::exp(p[i][j]);
        }
      }
      for (int i = 0; i < 7; ++i) {
        double sum = 0;
        for (int j = 0; j < 7; ++j) sum += over_queries ? p[j][i] : p[i][j];
        for (int j = 0; j < 7; ++j) (over_queries ? p[j][i] : p[i][j]) /= sum;
      }
      for (int i = 0; i < 7; ++i) {
        for (int f = 0; f < 5; ++f) {
          double sum = 0;
          for (int j = 0; j < 7; ++j)
            sum += (transposed ? p[j][i] : p[i][j]) * in[2][size_t((b * 7 + j) * 5 + f)];
          out[size_t((b * 7 + i) * 5 + f)] = float(sum);
        }
      }
    }
    return out;
  };
  const auto run = [&](const std::string& softmax, const std::string& product) {
    return Run(Program(parameters, scores + square + softmax + thin + product, "o"), in)
        .outputs.at(0);
  };
  const std::string rows = "p = softmax(x = s, axis = int32(2));";
  EXPECT(Near(run(rows, "o = matmul(x = p, y = v);"), by_loops(false, false), 1e-5f));
  EXPECT(Near(run("p = softmax(x = s, axis = int32(1));", "o = matmul(x = p, y = v);"),
              by_loops(true, false), 1e-5f));
  EXPECT(Near(run(rows, "o = matmul(x = p, y = v, transpose_x = bool(true));"),
              by_loops(false, true), 1e-5f));
}

TEST(an_operation_in_between_that_needs_a_result_keeps_attention_apart) {
  // The mask of the second attention is computed from the first one's result.
  const std::string square = "tensor<fp32, [7, 7]> ";
  const std::string text = Program(
      square + "q, " + square + "k, " + square + "v",
      square + "s = matmul(x = q, y = k);" + square + "s2 = matmul(x = k, y = q);" + square +
          "p = softmax(x = s, axis = int32(-1));" + square + "o = matmul(x = p, y = v);" + square +
          "a = add(x = s2, y = o);" + square + "p2 = softmax(x = a, axis = int32(-1));" + square +
          "o2 = matmul(x = p2, y = v);",
      "o2");
  std::string apart = text;
  apart.replace(apart.rfind("(o2)"), 4, "(o2, p, p2)");
  const std::vector<Numbers> in = {Random(49, 1), Random(49, 2), Random(49, 3)};
  const Outcome fused = Run(text, in);
  EXPECT(fused.error.empty());
  EXPECT(Same(fused.outputs.at(0), Run(apart, in).outputs.at(0)));
}

TEST(scaled_dot_product_attention_takes_any_mask) {
  const std::string parameters =
      "tensor<fp32, [2, 33, 5]> q, tensor<fp32, [2, 17, 5]> k, tensor<fp32, [2, 17, 3]> v, ";
  const auto run = [&](const std::string& mask, const Numbers& numbers) {
    return Run(Program(parameters + mask + " m",
                       "tensor<fp32, [2, 33, 3]> o = scaled_dot_product_attention(query = q, key "
                       "= k, value = v, attn_mask = m);",
                       "o"),
               {Random(330, 1), Random(170, 2), Random(102, 3), numbers})
        .outputs.at(0);
  };
  Numbers keep(33 * 17), add(33 * 17);
  for (size_t i = 0; i < keep.size(); ++i) {
    keep[i] = i % 17 <= i / 17 ? 1 : 0;
    add[i] = keep[i] != 0 ? 0 : -kInfinity;
  }
  const Numbers kept = run("tensor<bool, [33, 17]>", keep);
  EXPECT(Same(kept, run("tensor<fp32, [33, 17]>", add)));
  EXPECT(std::all_of(kept.begin(), kept.end(), [](float x) { return std::isfinite(x); }));
  // A row that keeps nothing has no probabilities.
  std::fill(keep.begin(), keep.begin() + 17, 0.0f);
  const Numbers without = run("tensor<bool, [33, 17]>", keep);
  EXPECT(without[0] != without[0] && Same({without.begin() + 3, without.begin() + 99},
                                          {kept.begin() + 3, kept.begin() + 99}));
}
