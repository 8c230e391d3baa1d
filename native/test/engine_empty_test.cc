// Values without elements: refused, except constant lists that shapes and axes come from.
#include "check.h"
#include "engine_program.h"

using namespace engine_test;

namespace {

std::string ErrorOf(const std::string& parameters, const std::string& body) {
  const auto compiled = ane::Executable::Compile(Program(parameters, body, "y"), {});
  return compiled.ok() ? "" : compiled.status().message();
}

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST(inputs_without_elements_are_refused_by_name) {
  for (const std::string shape : {"[0]", "[0, 5]", "[5, 0]", "[2, 0, 3]"}) {
    for (const std::string type : {"fp16", "fp32", "int32", "bool"}) {
      const std::string tensor = "tensor<" + type + ", " + shape + "> ";
      EXPECT(Has(ErrorOf(tensor + "x", tensor + "y = identity(x = x);"),
                 "Expected at least one element for x, got " + type + " " + shape + "."));
    }
  }
  ane::CompileOptions options;
  options.input_shapes["x"] = {3, 0};
  const auto given = ane::Executable::Compile(
      Program("tensor<fp16, [3, ?]> x", "tensor<fp16, [3, ?]> y = relu(x = x);", "y"), options);
  EXPECT(!given.ok() && Has(given.status().message(), "one element for x, got fp16 [3, 0]."));
}

TEST(results_without_elements_are_refused_where_they_are_made) {
  const auto refused = [&](const std::string& shape, const std::string& call) {
    const std::string expected = "line 4, column " + std::to_string(18 + shape.size()) +
                                 ": Expected at least one element for s, got fp16 [" + shape + "].";
    const std::string message =
        ErrorOf("tensor<fp16, [4, 6]> x", "tensor<fp16, [" + shape + "]> s = " + call +
                                              "; tensor<fp16, [" + shape + "]> y = relu(x = s);");
    if (message != expected) std::printf("%s\n", message.c_str());
    return message == expected;
  };
  EXPECT(refused("0, 6", "slice_by_size(x = x, begin = " + Ints("2, 0", 2) + ", size = " +
                             Ints("0, 6", 2) + ")"));
  EXPECT(refused("4, 0", "slice_by_index(x = x, begin = " + Ints("0, 3", 2) + ", end = " +
                             Ints("4, 3", 2) + ")"));
  EXPECT(refused("0, 6", "gather(x = x, indices = " + Ints("", 0) + ", axis = int32(0))"));
  // A 0 in the shape of reshape means the size that is there.
  EXPECT(Has(ErrorOf("tensor<fp16, [4, 6]> x",
                     "tensor<fp16, [0, 6]> s = reshape(x = x, shape = " + Ints("0, 6", 2) +
                         "); tensor<fp16, [0, 6]> y = relu(x = s);"),
             "Expected fp16 [0, 6] for s, got fp16 [4, 6]."));
}

TEST(operands_without_elements_are_refused) {
  const std::string none = "tensor<fp16, [0]> c = const()[val = tensor<fp16, [0]>([])];";
  EXPECT(Has(ErrorOf("tensor<fp16, [4]> x",
                     none + "tensor<fp16, [4]> y = concat(values = (x, c), axis = int32(0), "
                            "interleave = bool(false));"),
             "Expected at least one element for values, got fp16 [0]."));
  EXPECT(Has(ErrorOf("", "tensor<int32, [0, 3]> c = const()[val = tensor<int32, [0, 3]>([])]; "
                         "tensor<int32, [3]> y = reduce_sum(x = c, axes = " + Ints("0", 1) + ");"),
             "Expected at least one element for x, got int32 [0, 3]."));
  for (const std::string kind : {"max", "min", "mean", "argmax", "argmin"}) {
    const std::string axes = kind.rfind("arg", 0) == 0 ? "axis = int32(0)" : "axes = " + Ints("0", 1);
    EXPECT(Has(ErrorOf("", "int32 y = reduce_" + kind + "(x = " + Ints("", 0) + ", " + axes + ");"),
               "Expected at least one element for x of reduce_" + kind + ", got [0]."));
  }
}

TEST(empty_lists_are_shapes_of_scalars_and_axes_of_nothing) {
  EXPECT(Only(Run(Program("tensor<fp16, [1, 1]> x",
                          "fp16 s = reshape(x = x, shape = " + Ints("", 0) + "); tensor<int32, [0]> "
                          "n = shape(x = s); int32 p = reduce_prod(x = n, axes = " + Ints("0", 1) +
                              "); fp16 f = cast(x = p, dtype = \"fp16\"); fp16 y = add(x = s, y = f);",
                          "y"),
                  {{2.5f}})) == Numbers({3.5f}));
}

TEST(no_operation_on_an_empty_list_ends_the_process) {
  for (const std::string call :
       {"identity(x = c)", "abs(x = c)", "add(x = c, y = c)", "add(x = c, y = int32(1))",
        "cumsum(x = c, axis = int32(0))", "reverse(x = c, axes = tensor<int32, [1]>([0]))",
        "tile(x = c, reps = tensor<int32, [1]>([3]))", "concat(values = (c, c), axis = int32(0))",
        "gather(x = c, indices = c, axis = int32(0))", "gather_nd(x = c, indices = c)",
        "gather_along_axis(x = c, indices = c, axis = int32(0))", "argsort(x = c, axis = int32(0))",
        "scatter(data = c, indices = c, updates = c, axis = int32(0))",
        "scatter_nd(data = c, indices = c, updates = c)", "softmax(x = c)", "matmul(x = c, y = c)",
        "slice_by_size(x = c, begin = tensor<int32, [1]>([0]), size = tensor<int32, [1]>([0]))",
        "select(cond = b, a = c, b = c)", "one_hot(indices = c, one_hot_vector_size = int32(3))"}) {
    const std::string lists = "tensor<int32, [0]> c = const()[val = tensor<int32, [0]>([])]; "
                              "tensor<bool, [0]> b = const()[val = tensor<bool, [0]>([])]; ";
    const std::string message = ErrorOf(
        "int32 x", lists + "tensor<int32, [0]> l = " + call + "; int32 p = reduce_prod(x = l, axes = "
                           "tensor<int32, [1]>([0])); int32 y = add(x = x, y = p);");
    EXPECT(message.empty() || Has(message, "Expected "));
  }
}
