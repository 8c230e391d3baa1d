#include "sim/cost_model.h"

#include <algorithm>
#include <cstring>

#include "sim/chips.h"
#include "sim/rules.h"

namespace ane::sim {
namespace {

using engine::Function;
using engine::Operand;
using engine::Operation;
using engine::Shape;
using engine::Value;

constexpr double kSramBytes = 32.0 * 1024 * 1024;  // ane-constraints.md C-63
constexpr double kBeyondSram = 0.7;                // 30 % slower
constexpr double kFullWidth = 2048, kNarrow = 64;  // C-132: throughput doubles from width 64 to 2048 …
constexpr double kNarrowShare = 0.85;              // … of which the dispatch explains most

// Sources (reference-figures.md): dispatch 0.095 ms on M4 and 0.16 ms on M1 Pro as published; 0.22 ms and 9 GB/s on M1,
// 0.11 ms and 57 GB/s on M5 Pro (ANEForge). Convolution rates: 18.6 TFLOPS M4, 19.27 M5 Max (64×64 columns), 16.77 M3 Pro
// (2048 columns), others from the 128-convolution figures with the dispatch taken off. Products of two runtime operands
// reach a third of the convolution rate (C-131). Bandwidth: 68–72 GB/s (exo profile, several chips), fitted on M4's single
// convolutions; M1 Pro fitted on the fused feed-forward programs. Ultra chips run one engine per program (C-136).
// Chips without figures of their own take the nearest chip's.
constexpr ChipModel kModels[] = {
    // chip, dispatch ms, convolution TFLOPS, matmul TFLOPS, GB/s, µs per operation, compile ms
    {"m1", 0.22, 5.5, 1.8, 40, 0.7, 60},       {"m1-pro", 0.16, 5.5, 1.8, 74, 0.7, 60},
    {"m1-max", 0.16, 5.5, 1.8, 74, 0.7, 60},   {"m1-ultra", 0.16, 5.5, 1.8, 74, 0.7, 60},
    {"m2", 0.16, 7.9, 2.6, 72, 0.5, 50},       {"m2-pro", 0.16, 7.9, 2.6, 72, 0.5, 50},
    {"m2-max", 0.16, 7.9, 2.6, 72, 0.5, 50},   {"m2-ultra", 0.16, 7.9, 2.6, 72, 0.5, 50},
    {"m3", 0.095, 16.8, 5.6, 72, 0.3, 45},     {"m3-pro", 0.095, 16.8, 5.6, 72, 0.3, 45},
    {"m3-max", 0.095, 16.8, 5.6, 72, 0.3, 45}, {"m3-ultra", 0.19, 16.8, 5.6, 72, 0.3, 45},
    {"m4", 0.095, 18.6, 6.2, 72, 0.3, 45},     {"m4-pro", 0.095, 18.6, 6.2, 72, 0.3, 45},
    {"m4-max", 0.095, 18.6, 6.2, 72, 0.3, 45}, {"m5", 0.095, 19.0, 6.3, 70, 0.3, 33},
    {"m5-pro", 0.11, 19.0, 6.3, 70, 0.3, 33},  {"m5-max", 0.095, 19.3, 6.4, 70, 0.3, 33},
};

double Elements(const Shape& shape) {
  double count = 1;
  for (const int64_t dim : shape) count *= double(std::max<int64_t>(dim, 1));
  return count;
}

double Bytes(const Value& value) {
  const double bits = value.type.bits > 0 ? value.type.bits : 8.0 * double(SizeOf(value.type.dtype));
  return Elements(value.type.shape) * bits / 8;
}

class Counter {
 public:
  explicit Counter(const Function& function) : function_(function), constant_(ConstantValues(function)) {}

  Cost Run() {
    for (const int id : function_.inputs) cost_.surface_bytes += Bytes(At(id));
    for (const int id : function_.outputs) cost_.surface_bytes += Bytes(At(id));
    for (const Value& value : function_.values) {
      // Scalars and shapes travel with the program; only data counts.
      const bool data = value.blob != nullptr || (value.literal != nullptr && Bytes(value) >= 256);
      if (data) cost_.weight_bytes += Bytes(value);
    }
    for (const Operation& operation : function_.operations) CountOperation(operation);
    return cost_;
  }

 private:
  const Value& At(int id) const { return function_.values[size_t(id)]; }
  const Value* Find(const Operation& operation, std::string_view name) const {
    for (const Operand& operand : operation.operands) {
      if (operand.name == name && !operand.values.empty()) return &At(operand.values[0]);
    }
    return nullptr;
  }

  void CountOperation(const Operation& operation) {
    if (operation.op == "const" || constant_[size_t(operation.results[0])]) return;
    ++cost_.operations;
    for (const int id : operation.results) cost_.intermediate_bytes += Bytes(At(id));
    const Value& result = At(operation.results[0]);
    const Value *x = Find(operation, "x"), *weight = Find(operation, "weight");
    if (operation.op == "conv" && weight != nullptr && !weight->type.shape.empty()) {
      const double per_output = Elements(weight->type.shape) / double(std::max<int64_t>(weight->type.shape[0], 1));
      cost_.convolution_flops += 2 * Elements(result.type.shape) * per_output;
      Widen(result.type.shape.size() > 2 ? Elements(result.type.shape) / double(result.type.shape[1]) : 1);
    } else if (operation.op == "linear" && x != nullptr && !x->type.shape.empty()) {
      cost_.convolution_flops += 2 * Elements(result.type.shape) * double(x->type.shape.back());
      Widen(Elements(x->type.shape) / double(x->type.shape.back()));
    } else if (operation.op == "matmul" && x != nullptr && x->type.shape.size() >= 2) {
      // The two axes of x are the result's rows and the summed axis, in either order.
      const double rows = result.type.shape.size() >= 2 ? double(result.type.shape.end()[-2]) : 1;
      const double both = double(x->type.shape.end()[-1]) * double(x->type.shape.end()[-2]);
      cost_.matmul_flops += 2 * Elements(result.type.shape) * both / std::max(rows, 1.0);
      Widen(double(result.type.shape.back()));
    } else if (operation.op == "scaled_dot_product_attention") {
      const Value *query = Find(operation, "query"), *key = Find(operation, "key");
      if (query == nullptr || key == nullptr || key->type.shape.size() < 2) return;
      const double keys = double(key->type.shape.end()[-2]);
      cost_.matmul_flops += 2 * keys * (Elements(query->type.shape) + Elements(result.type.shape));
      Widen(keys);
    }
  }

  void Widen(double columns) { cost_.columns = std::max(cost_.columns, int64_t(columns)); }

  const Function& function_;
  const std::vector<bool> constant_;
  Cost cost_;
};

}  // namespace

Cost CostOf(const Function& function) { return Counter(function).Run(); }

const ChipModel& ModelOf(std::string_view chip) {
  for (const ChipModel& model : kModels) {
    if (chip == model.chip) return model;
  }
  return ModelOf("m4");
}

ModelledTime EvaluateTime(const ChipModel& chip, const Cost& cost) {
  ModelledTime time;
  const double share = std::clamp((double(cost.columns) - kNarrow) / (kFullWidth - kNarrow), 0.0, 1.0);
  const double width = kNarrowShare + (1 - kNarrowShare) * share;
  // The set that must stay on chip: what a convolution stack streams in and out counts, single results do not.
  time.beyond_sram = cost.surface_bytes + cost.weight_bytes > kSramBytes;
  const double slow = time.beyond_sram ? 1 / kBeyondSram : 1;
  time.dispatch_ms = chip.dispatch_ms;
  time.compute_ms =
      slow * (cost.convolution_flops / (chip.convolution_tflops * width) + cost.matmul_flops / chip.matmul_tflops) / 1e9;
  time.traffic_ms = slow * (cost.surface_bytes + cost.weight_bytes) / chip.bandwidth_gbs / 1e6;
  time.operations_ms = double(cost.operations) * chip.operation_us / 1e3;
  return time;
}

double CompileMilliseconds(const ChipModel& chip, const Cost& cost, bool cached) {
  // 5–10 ms from the cache; otherwise it grows with the program: 145–512 ms for twelve fused feed-forward layers.
  if (cached) return 7.5;
  return chip.compile_ms + 2.5 * double(cost.operations) + cost.weight_bytes / 1e6;
}

double LoadMilliseconds(const ChipModel&) { return 2; }

}  // namespace ane::sim
