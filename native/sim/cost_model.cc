#include "sim/cost_model.h"

#include <algorithm>

#include "sim/function_facts.h"

namespace ane::sim {
namespace {

using engine::Function;
using engine::Operand;
using engine::Operation;
using engine::Shape;
using engine::Value;

constexpr double kSramBytes = 32.0 * 1024 * 1024;  // C-63
constexpr double kBeyondSram = 0.7;                // … 30 % slower
constexpr double kFullWidth = 2048,
                 kNarrow = 64;  // C-132: a width of 64 halves the throughput of 2048 …
constexpr double kNarrowShare =
    0.85;  // … mostly by the dispatch; this is what M4's stacks leave over
constexpr double kMatmulShare = 1.0 / 3;  // C-131: products of two runtime operands
// An evaluation begins by filling half of the on-chip memory with weights; the other half serves
// the operations, and later weights arrive while earlier ones are used. No weight outlives its
// evaluation: one feed-forward layer evaluated again and again on M1 Pro takes as long as twelve
// different ones in turn.
constexpr double kPreloadBytes = kSramBytes / 2;

// Sources, in reference-figures.md where no other is named:
// dispatch: 0.095 ms M4, 0.16 ms M1 Pro, 0.22 ms M1, 0.11 ms M5 Pro as published; M3 Ultra from its
// convolution stacks. convolutions: 18.6 TFLOPS M4, 19.27 M5 Max (64×64 columns), 16.77 M3 Pro
// (2048 columns); M1 and M2 as rated, which the others reach. activations: 68–72 GB/s on several
// chips (exo), 57 M5 Pro, 70 M5 Max, 9 M1. weights: one large product per chip, ANEMLL-Bench's
// Results.MD (2026). operations: the 5.8 µs a layer of seven adds on M1 Pro; on M4 the convolution
// stacks leave next to nothing. Chips without figures of their own take the nearest chip's; M2 lies
// between M1 and M3. The Ultra chips run one program on one engine (C-136).
constexpr ChipModel kModels[] = {
    // chip, dispatch ms, convolution TFLOPS, activation GB/s, weight GB/s, µs per operation,
    // compile scale
    {"m1", 0.22, 11, 9, 61, 0.83, 1},
    {"m1-pro", 0.16, 11, 9, 55, 0.83, 1},
    {"m1-max", 0.16, 11, 9, 55, 0.83, 1},
    {"m1-ultra", 0.16, 11, 9, 55, 0.83, 1},
    {"m2", 0.16, 15.8, 25, 60, 0.4, 0.8},
    {"m2-pro", 0.16, 15.8, 25, 62, 0.4, 0.8},
    {"m2-max", 0.16, 15.8, 25, 62, 0.4, 0.8},
    {"m2-ultra", 0.16, 15.8, 25, 62, 0.4, 0.8},
    {"m3", 0.095, 16.8, 70, 63, 0.05, 0.5},
    {"m3-pro", 0.095, 16.8, 70, 63, 0.05, 0.5},
    {"m3-max", 0.095, 16.8, 70, 120, 0.05, 0.5},
    {"m3-ultra", 0.19, 16.8, 70, 120, 0.05, 0.5},
    {"m4", 0.095, 18.6, 70, 64, 0.05, 0.45},
    {"m4-pro", 0.095, 18.6, 70, 126, 0.05, 0.45},
    {"m4-max", 0.095, 18.6, 70, 119, 0.05, 0.45},
    {"m5", 0.095, 19.0, 70, 70, 0.05, 0.45},
    {"m5-pro", 0.11, 19.0, 57, 70, 0.05, 0.45},
    {"m5-max", 0.095, 19.3, 70, 148, 0.05, 0.45},
};

bool MovesData(std::string_view op) {
  for (const std::string_view name :
       {"transpose", "slice_by_index", "slice_by_size", "split", "concat", "stack", "pad", "tile",
        "reverse", "gather", "gather_along_axis"}) {
    if (op == name) return true;
  }
  return false;
}

double Elements(const Shape& shape) {
  double count = 1;
  for (const int64_t dim : shape) count *= double(std::max<int64_t>(dim, 1));
  return count;
}

double Bytes(const Value& value) {
  const double bits =
      value.type.bits > 0 ? value.type.bits : 8.0 * double(SizeOf(value.type.dtype));
  return Elements(value.type.shape) * bits / 8;
}

class Counter {
 public:
  explicit Counter(const Function& function) : function_(function), facts_(function) {}

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
  void CountOperation(const Operation& operation) {
    if (operation.op == "const" || facts_.IsConstant(operation.results[0])) return;
    ++cost_.operations;
    double written = 0, read = 0;
    for (const int id : operation.results) written += Bytes(At(id));
    for (const Operand& operand : operation.operands) {
      for (const int id : operand.values) read += Bytes(At(id));
    }
    if (MovesData(operation.op)) cost_.layout_bytes += written;
    cost_.largest_operation = std::max(cost_.largest_operation, read + written);
    const Value& result = At(operation.results[0]);
    const Value *x = facts_.ValueOf(operation, "x"), *weight = facts_.ValueOf(operation, "weight");
    if (operation.op == "conv" && weight != nullptr && !weight->type.shape.empty()) {
      const double per_output =
          Elements(weight->type.shape) / double(std::max<int64_t>(weight->type.shape[0], 1));
      cost_.convolution_flops += 2 * Elements(result.type.shape) * per_output;
      Widen(result.type.shape.size() > 2
                ? Elements(result.type.shape) / double(result.type.shape[1])
                : 1);
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
      const Value *query = facts_.ValueOf(operation, "query"),
                  *key = facts_.ValueOf(operation, "key");
      if (query == nullptr || key == nullptr || key->type.shape.size() < 2) return;
      const double keys = double(key->type.shape.end()[-2]);
      cost_.matmul_flops += 2 * keys * (Elements(query->type.shape) + Elements(result.type.shape));
      Widen(keys);
    }
  }

  void Widen(double columns) { cost_.columns = std::max(cost_.columns, int64_t(columns)); }

  const Function& function_;
  const FunctionFacts facts_;
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
  const double share =
      std::clamp((double(cost.columns) - kNarrow) / (kFullWidth - kNarrow), 0.0, 1.0);
  const double width = kNarrowShare + (1 - kNarrowShare) * share;
  // Weights stream through; what one operation works on must fit.
  time.beyond_sram = cost.largest_operation > kSramBytes;
  const double slow = time.beyond_sram ? 1 / kBeyondSram : 1;
  const double compute_ms = (cost.convolution_flops / width + cost.matmul_flops / kMatmulShare) /
                            chip.convolution_tflops / 1e9;
  const double preload = std::min(cost.weight_bytes, kPreloadBytes);
  const double preload_ms = preload / chip.weight_gbs / 1e6;
  const double stream_ms = (cost.weight_bytes - preload) / chip.weight_gbs / 1e6;
  time.dispatch_ms = chip.dispatch_ms;
  time.compute_ms = slow * compute_ms;
  time.weights_ms = slow * (preload_ms + std::max(stream_ms - compute_ms, 0.0));
  time.traffic_ms = slow * (cost.surface_bytes + cost.layout_bytes) / chip.activation_gbs / 1e6;
  time.operations_ms = double(cost.operations) * chip.operation_us / 1e3;
  return time;
}

double CompileMilliseconds(const ChipModel& chip, const Cost& cost, bool cached) {
  if (cached) return 7.5;  // 5–10 ms published
  return chip.compile_scale * (25 + 3 * double(cost.operations) + 1.5 * cost.weight_bytes / 1e6);
}

double LoadMilliseconds(const ChipModel&) { return 2; }

}  // namespace ane::sim
