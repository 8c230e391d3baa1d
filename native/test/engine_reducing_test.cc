// Reductions along columns and the element-wise operations around them, and loops that read the same, which run as one,
// give the bits of the operations one by one.
#include <cstring>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "check.h"
#include "engine/analysis.h"
#include "engine/fusion.h"
#include "engine/parser.h"
#include "engine_program.h"

namespace {

using engine_test::Half;
using engine_test::Ints;
using engine_test::Numbers;
using engine_test::Outcome;
using engine_test::Program;
using engine_test::Random;
using engine_test::Run;

struct Tensor {
  std::string type;  // tensor<fp16, [..]>
  Numbers numbers;
};

struct Step {
  std::string result, type, call;
  std::vector<std::string> reads;
};

std::string Type(const std::string& dtype, const std::vector<int>& shape) {
  std::string text = "tensor<" + dtype + ", [";
  for (size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + "]>";
}

std::string Reduce(const std::string& op, const std::string& x, int axis) {
  return op + "(x = " + x + ", axes = " + Ints(std::to_string(axis), 1) + ", keep_dims = bool(true))";
}

bool Same(const Numbers& a, const Numbers& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    const bool nan = std::isnan(a[i]) && std::isnan(b[i]);
    if (!nan && std::memcmp(&a[i], &b[i], sizeof(float)) != 0) return false;
  }
  return true;
}

// Whether a program of all steps gives what programs of single steps give, whatever the number of threads.
bool AsOneByOne(const std::vector<std::string>& inputs, std::map<std::string, Tensor> values,
                const std::vector<Step>& steps, const std::vector<std::string>& outputs) {
  std::string parameters, body, list;
  std::vector<Numbers> numbers;
  for (const std::string& name : inputs) {
    parameters += (parameters.empty() ? "" : ", ") + values.at(name).type + " " + name;
    numbers.push_back(values.at(name).numbers);
  }
  for (const Step& step : steps) {
    const std::string line = step.type + " " + step.result + " = " + step.call + ";";
    body += line;
    std::string own;
    std::vector<Numbers> read;
    for (const std::string& name : step.reads) {
      own += (own.empty() ? "" : ", ") + values.at(name).type + " " + name;
      read.push_back(values.at(name).numbers);
    }
    const Outcome single = Run(Program(own, line, step.result), read);
    if (!single.error.empty()) std::printf("%s\n", single.error.c_str());
    values[step.result] = {step.type, engine_test::Only(single)};
  }
  for (const std::string& name : outputs) list += (list.empty() ? "" : ", ") + name;
  bool same = true;
  for (const int threads : {1, 2, 3}) {
    const Outcome whole = Run(Program(parameters, body, list), numbers, {}, threads);
    if (!whole.error.empty()) std::printf("%s\n", whole.error.c_str());
    same = same && whole.error.empty() && whole.outputs.size() == outputs.size();
    for (size_t i = 0; same && i < outputs.size(); ++i)
      same = Same(whole.outputs[i], values.at(outputs[i]).numbers);
  }
  return same;
}

Numbers WithSpecials(Numbers numbers) {
  const float special[] = {NAN, INFINITY, -INFINITY, 6e-8f, -3e-5f, 65504, -0.0f};
  for (size_t i = 0; i < numbers.size(); i += 41) numbers[i] = Half(special[i / 41 % 7]);
  return numbers;
}

// A norm scaled by its largest number, and its derivative; `x` and `dy` are of `dtype`.
std::vector<Step> NormSteps(const std::string& whole, const std::string& one, const std::string& dtype) {
  return {
      {"r", whole, "add(x = x, y = z)", {"x", "z"}},
      {"a", whole, "abs(x = r)", {"r"}},
      {"m", one, Reduce("reduce_max", "a", 1), {"a"}},
      {"d", one, "maximum(x = m, y = " + dtype + "(0.003))", {"m"}},
      {"v", one, "real_div(x = " + dtype + "(4), y = d)", {"d"}},
      {"u", whole, "mul(x = r, y = v)", {"r", "v"}},
      {"q", whole, "mul(x = u, y = u)", {"u"}},
      {"s", one, Reduce("reduce_sum", "q", 1), {"q"}},
      {"e", one, "mul(x = v, y = v)", {"v"}},
      {"f", one, "add(x = s, y = e)", {"s", "e"}},
      {"p", one, "pow(x = f, y = " + dtype + "(-0.5))", {"f"}},
      {"n", whole, "mul(x = u, y = p)", {"u", "p"}},
      {"y", whole, "mul(x = n, y = w)", {"n", "w"}},
      {"g", whole, "mul(x = dy, y = w)", {"dy", "w"}},
      {"h", whole, "mul(x = g, y = u)", {"g", "u"}},
      {"t", one, Reduce("reduce_mean", "h", 1), {"h"}},
      {"k", one, "mul(x = t, y = p)", {"t", "p"}},
      {"i", whole, "mul(x = k, y = u)", {"k", "u"}},
      {"j", whole, "sub(x = g, y = i)", {"g", "i"}},
      {"dx", whole, "add(x = j, y = dy)", {"j", "dy"}},
  };
}

}  // namespace

TEST(a_norm_and_its_derivative_equal_their_operations_one_by_one) {
  for (const std::string dtype : {"fp16", "fp32"}) {
    for (const int channels : {2, 3, 17, 33, 257}) {
      for (const int columns : {8, 9, 33, 130, 257}) {
        const std::string whole = Type(dtype, {1, channels, 1, columns}), one = Type(dtype, {1, 1, 1, columns});
        const size_t count = size_t(channels * columns);
        const std::map<std::string, Tensor> values = {
            {"x", {whole, WithSpecials(Random(count, 1, 30))}},
            {"z", {whole, Random(count, 2, 3)}},
            {"dy", {whole, Random(count, 3)}},
            {"w", {Type(dtype, {1, channels, 1, 1}), Random(size_t(channels), 4, 2)}}};
        EXPECT(AsOneByOne({"x", "z", "dy", "w"}, values, NormSteps(whole, one, dtype), {"r", "y", "dx", "p", "n", "s"}));
        EXPECT(AsOneByOne({"x", "z", "dy", "w"}, values, NormSteps(whole, one, dtype), {"dx"}));
      }
    }
  }
}

TEST(loops_that_read_the_same_run_as_one_and_equal_their_operations) {
  for (const std::string dtype : {"fp16", "fp32"}) {
    for (const int columns : {1, 3, 7, 17, 33, 255, 257}) {
      const std::string whole = Type(dtype, {1, 5, 2, columns}), one = Type(dtype, {1, 1, 2, columns});
      const size_t count = size_t(10 * columns);
      const std::map<std::string, Tensor> values = {{"a", {whole, WithSpecials(Random(count, 1, 30))}},
                                                    {"b", {whole, WithSpecials(Random(count, 2, 3))}},
                                                    {"c", {one, Random(size_t(2 * columns), 3)}},
                                                    {"s", {one, Random(size_t(2 * columns), 4)}}};
      const std::vector<Step> steps = {
          {"ac", whole, "mul(x = a, y = c)", {"a", "c"}},        {"bs", whole, "mul(x = b, y = s)", {"b", "s"}},
          {"first", whole, "sub(x = ac, y = bs)", {"ac", "bs"}}, {"bc", whole, "mul(x = b, y = c)", {"b", "c"}},
          {"as", whole, "mul(x = a, y = s)", {"a", "s"}},        {"second", whole, "add(x = bc, y = as)", {"bc", "as"}},
          {"third", whole, "mul(x = first, y = a)", {"first", "a"}}};
      EXPECT(AsOneByOne({"a", "b", "c", "s"}, values, steps, {"first", "second", "third"}));
      EXPECT(AsOneByOne({"a", "b", "c", "s"}, values, steps, {"second", "third"}));
    }
  }
  const std::string text = Program("tensor<fp16, [2, 3]> a, tensor<fp16, [3]> b",
                                   "tensor<fp16, [2, 3]> x = mul(x = a, y = b);"
                                   "tensor<fp16, [2, 3]> y = add(x = a, y = b);",
                                   "x, y");
  std::vector<ane::engine::Function> functions = ane::engine::Parse(text);
  ane::engine::Analyse(&functions[0], {});
  EXPECT(ane::engine::GroupOperations(functions[0], {})->size() == 1);
}

TEST(reductions_along_any_axis_of_any_view_equal_their_operations_one_by_one) {
  for (const int axis : {0, 1, 2}) {
    const std::vector<int> shape = {3, 5, 7, 19};
    std::vector<int> kept = shape, turned = {19, 7, 5, 3};
    kept[size_t(axis)] = 1;
    const std::string whole = Type("fp16", shape), one = Type("fp16", kept);
    const size_t count = 3 * 5 * 7 * 19;
    const std::map<std::string, Tensor> values = {{"x", {whole, Random(count, 5, 9)}},
                                                  {"o", {Type("fp16", turned), Random(count, 6, 9)}},
                                                  {"b", {one, Random(count / size_t(shape[size_t(axis)]), 7)}},
                                                  {"c", {Type("fp16", {19}), Random(19, 8)}}};
    const std::vector<Step> steps = {
        {"t", whole, "transpose(x = o, perm = " + Ints("3, 2, 1, 0", 4) + ")", {"o"}},
        {"a", whole, "mul(x = x, y = t)", {"x", "t"}},
        {"l", one, Reduce("reduce_min", "a", axis), {"a"}},
        {"m", one, "add(x = l, y = b)", {"l", "b"}},
        {"n", one, "add(x = m, y = c)", {"m", "c"}},
        {"d", whole, "sub(x = a, y = n)", {"a", "n"}},
        {"e", one, Reduce("reduce_mean", "d", axis), {"d"}},
        {"f", whole, "mul(x = d, y = e)", {"d", "e"}},
        {"y", Type("fp16", turned), "transpose(x = f, perm = " + Ints("3, 2, 1, 0", 4) + ")", {"f"}}};
    EXPECT(AsOneByOne({"x", "o", "b", "c"}, values, steps, {"y", "m"}));
    EXPECT(AsOneByOne({"x", "o", "b", "c"}, values, steps, {"e"}));
  }
}

TEST(reductions_that_wait_for_each_other_through_other_operations_run_apart) {
  const std::string whole = Type("fp16", {1, 1, 24, 24}), one = Type("fp16", {1, 1, 1, 24});
  const std::map<std::string, Tensor> values = {{"x", {whole, Random(24 * 24, 9)}}, {"w", {whole, Random(24 * 24, 10)}}};
  const std::vector<Step> steps = {{"s", one, Reduce("reduce_max", "x", 2), {"x"}},
                                   {"a", whole, "sub(x = x, y = s)", {"x", "s"}},
                                   {"b", whole, "matmul(x = w, y = a)", {"w", "a"}},
                                   {"c", whole, "add(x = a, y = b)", {"a", "b"}},
                                   {"d", one, Reduce("reduce_sum", "c", 2), {"c"}},
                                   {"e", whole, "mul(x = c, y = d)", {"c", "d"}},
                                   {"f", whole, "matmul(x = e, y = w)", {"e", "w"}},
                                   {"g", whole, "mul(x = f, y = s)", {"f", "s"}},
                                   {"y", whole, "add(x = g, y = c)", {"g", "c"}}};
  EXPECT(AsOneByOne({"x", "w"}, values, steps, {"y"}));
}

TEST(more_numbers_of_a_column_than_there_is_memory_for_are_computed_one_by_one) {
  const std::string whole = Type("fp16", {1, 6, 1, 40}), one = Type("fp16", {1, 1, 1, 40});
  std::vector<Step> steps = {{"n0", one, Reduce("reduce_sum", "x", 1), {"x"}}};
  for (int i = 0; i < 55; ++i) {
    const auto name = [](int k) { return std::string("n").append(std::to_string(k)); };
    const std::string factor = i % 2 == 0 ? "0.5" : "1.5";
    steps.push_back({name(i + 1), one, "mul(x = " + name(i) + ", y = fp16(" + factor + "))", {name(i)}});
  }
  steps.push_back({"y", whole, "mul(x = x, y = n55)", {"x", "n55"}});
  EXPECT(AsOneByOne({"x"}, {{"x", {whole, Random(240, 11)}}}, steps, {"y"}));
}

TEST(fast_math_rounds_reductions_and_what_is_around_them_too) {
  const std::string whole = Type("fp16", {1, 65, 1, 100}), one = Type("fp16", {1, 1, 1, 100});
  const Numbers x = Random(6500, 12, 2);
  const std::string text =
      Program(whole + " x",
              whole + " q = mul(x = x, y = x);" + one + " s = " + Reduce("reduce_sum", "q", 1) + ";" + whole +
                  " y = real_div(x = q, y = s);",
              "y");
  Numbers expected(6500);
  for (size_t k = 0; k < 100; ++k) {
    float sum = 0;
    for (size_t r = 0; r < 65; ++r) sum += Half(x[r * 100 + k] * x[r * 100 + k]);
    for (size_t r = 0; r < 65; ++r)
      expected[r * 100 + k] = Half(Half(x[r * 100 + k] * x[r * 100 + k]) / Half(sum));
  }
  ane::CompileOptions options;
  for (const bool exact : {true, false}) {
    options.exact = exact;
    for (const int threads : {1, 2}) EXPECT(Same(engine_test::Only(Run(text, {x}, options, threads)), expected));
  }
}
