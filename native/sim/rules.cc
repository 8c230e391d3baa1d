#include "sim/rules.h"

#include <cstring>

namespace ane::sim {
namespace {

constexpr uint8_t kM1 = 1, kM2 = 2, kM3 = 4, kM4 = 8, kM5 = 16, kAll = 31;

constexpr Rule kRules[] = {
    {"C-04", kM1 | kM2, 0, "the spelling of program(1.3) and ios18 is refused"},
    {"C-05", 0, kM3 | kM4 | kM5, "the spelling of program(1.0), which one project tried here"},
    {"C-06", 0, kAll, "no coremlc-version in buildInfo"},
    {"C-07", kAll, 0, "matmul flags must be named constants"},
    {"C-08", kAll, 0, "an output must be the result of an operation"},
    {"C-09", 0, kM1, "a variable name that one project found to misbehave"},
    {"C-10", 0, kM5, "identity as the sole output gives NaN"},
    {"C-20", 0, kAll, "the mask of scaled_dot_product_attention is ignored"},
    {"C-21", 0, kM1 | kM4 | kM5, "concat is refused"},
    {"C-22", kM4, 0, "gelu is refused"},
    {"C-23", kM4, 0, "conv with a bias is refused"},
    {"C-24", kM1 | kM5, kM4, "rsqrt is refused"},
    {"C-25", 0, kM1, "pow is refused"},
    {"C-26", kM5, 0, "the operation fails to compile"},
    {"C-26-gather", kM3 | kM5, 0, "a gather with runtime indices fails to compile"},
    {"C-27", kM3, 0, "after a program with tile has run, evaluations fail until the process exits"},
    {"C-28", 0, kM1, "reductions and layout changes fail with two runtime inputs"},
    {"C-29", 0, kAll, "reduce_mean does not exist"},
    {"C-30", 0, kM5, "a mean over channels depends on the shape"},
    {"C-31", 0, kM3, "softmax over a dimension that is no power of two"},
    {"C-32", 0, kM3, "slice_by_index of an input beside a norm and convolutions"},
    {"C-33", 0, kAll, "the runtime weight of a convolution is ignored"},
    {"C-34", kM4 | kM5, 0, "a convolution with too many channels is refused"},
    {"C-35", kAll, 0, "int32 data is refused"},
    {"C-36", kAll, 0, "sub-byte data is refused"},
    {"C-37", 0, kM5, "blockwise scales are refused"},
    {"C-38", 0, kM5, "softplus is wrong above 10.4"},
    {"C-39", 0, kM1, "the result of sqrt feeds a broadcast or a division"},
    {"C-40", kAll, 0, "Unsupported MIL operation"},
    {"C-41", kM1 | kM5, 0, "a product of a reduction and 0 fails to compile"},
    {"C-42", kM1 | kM2 | kM5, 0, "layer_norm of this size fails to compile"},
    {"C-42-sizes", 0, kM1 | kM2, "layer_norm fails at scattered sizes"},
    {"C-43", kM1 | kM2, 0, "sin and cos need M3 or later"},
    {"C-43-order", kM1, 0, "topk, sort and dynamic slices need M2 or later"},
    {"C-50", 0, kAll, "a shape other than [1, C, 1, S]"},
    {"C-51", kAll, 0, "a surface below 49152 bytes"},
    {"C-52", kAll, 0, "a width below the minimum"},
    {"C-53", kM4 | kM5, 0, "a width that is no multiple of what the chip needs"},
    {"C-55", kM5, 0, "a surface that is no multiple of 128 bytes"},
    {"C-57", 0, kM4 | kM5, "less than 64 channels"},
    {"C-58", 0, kM1, "matmul over a dimension that is no multiple of 32 gives zeros"},
    {"C-60", kAll, 0, "a size above the chip's limit"},
    {"C-61", 0, kM3, "more than 4096 channels in one program"},
    {"C-62", 0, kM5, "attention to more than 256 keys in one program"},
    {"C-64", kAll, 0, "too many weight blobs"},
    {"C-70", kAll, 0, "input surfaces of different sizes"},
    {"C-71", kAll, 0, "output surfaces of different sizes"},
    {"C-74", 0, kM1, "surfaces out of the order of their sizes give zeros"},
    {"C-75", kAll, 0, "a surface smaller than its tensor"},
    {"C-76", 0, kM1 | kM4, "several inputs are refused"},
    {"C-77", 0, kM1, "a product of two inputs that are not of rank 3"},
    {"C-78", kM1 | kM2, 0, "fp32 inputs and outputs need a cast the chip cannot run"},
    {"C-79", kAll, 0, "8-bit inputs and outputs are refused"},
    {"C-80", 0, kM1, "outputs of very different size with inputs of mixed sizes"},
    {"C-90", kAll, 0, "an offset that names no weight record"},
    {"C-92", kM1, 0, "several weights in one file are refused"},
    {"C-100", kAll, 0, "too many compiles in one process"},
    {"C-102", kAll, 0, "too many loaded programs"},
    {"C-105", kAll, 0, "another process uses the Neural Engine"},
};

constexpr struct {
  std::string_view op;
  const char* rule;
} kOperations[] = {
    {"concat", "C-21"},      {"gelu", "C-22"},          {"rsqrt", "C-24"},
    {"pow", "C-25"},         {"l2_norm", "C-26"},       {"stack", "C-26"},
    {"tile", "C-26"},        {"reduce_mean", "C-29"},   {"softplus", "C-38"},
    {"lstm", "C-40"},        {"gru", "C-40"},           {"rnn", "C-40"},
    {"cond", "C-40"},        {"while_loop", "C-40"},    {"cumsum", "C-40"},
    {"reduce_prod", "C-40"}, {"non_zero", "C-40"},      {"sliding_windows", "C-40"},
    {"bitwise_and", "C-40"}, {"bitwise_or", "C-40"},    {"bitwise_xor", "C-40"},
    {"bitwise_not", "C-40"}, {"sin", "C-43"},           {"cos", "C-43"},
    {"topk", "C-43-order"},  {"argsort", "C-43-order"}, {"constexpr_blockwise_shift_scale", "C-37"},
};

}  // namespace

const char* RuleOfOperation(std::string_view op) {
  for (const auto& row : kOperations) {
    if (row.op == op) return row.rule;
  }
  return nullptr;
}

const Rule* FindRule(const char* id) {
  for (const Rule& rule : kRules) {
    if (std::strcmp(rule.id, id) == 0) return &rule;
  }
  return nullptr;
}

Verdict Judge(const Settings& settings, const char* id) {
  const Rule* rule = FindRule(id);
  if (rule == nullptr) return Verdict::kNone;
  const std::string name = std::string(id).substr(0, std::string(id).find('-', 2));
  if (settings.ignored_rules.contains(name) || settings.ignored_rules.contains(id))
    return Verdict::kNone;
  const int family = 1 << (settings.chip->family - 1);
  if ((rule->refused & family) != 0) return Verdict::kRefuse;
  if ((rule->warned & family) == 0) return Verdict::kNone;
  const bool enforced = settings.strict || settings.strict_rules.contains(name);
  return enforced ? Verdict::kRefuse : Verdict::kWarn;
}

}  // namespace ane::sim
