// Modelled times: what a program would take on a chip, by published figures. Nothing here is
// measured on this machine.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/ir.h"

namespace ane::sim {

// What a program asks of the hardware, one evaluation.
struct Cost {
  double convolution_flops = 0;  // of convolutions with constant weights
  double matmul_flops = 0;       // of other products
  double surface_bytes = 0;      // inputs and outputs
  double weight_bytes = 0;       // constants read from weight files
  double layout_bytes = 0;       // written by transposes, slices, joins
  double largest_operation = 0;  // bytes of the operands and results of one operation
  int64_t operations = 0;        // that are neither constants nor folded
  int64_t columns = 0;           // of the widest product
};

// Counts over declared types; unknown dimensions count as 1.
Cost CostOf(const engine::Function& function);

// Figures of one chip; the sources are beside the table.
struct ChipModel {
  const char* chip;
  double dispatch_ms;
  double convolution_tflops;  // at full width
  double activation_gbs;      // surfaces and what moves inside a program
  double weight_gbs;
  double operation_us;   // fixed part of every operation
  double compile_scale;  // of compile times, M1 Pro is 1
};
const ChipModel& ModelOf(std::string_view chip);

struct ModelledTime {
  double dispatch_ms = 0, compute_ms = 0, traffic_ms = 0, operations_ms = 0;
  double weights_ms = 0;  // waited for; the rest arrives while the engine computes
  bool beyond_sram = false;
  double total_ms() const {
    return dispatch_ms + compute_ms + traffic_ms + weights_ms + operations_ms;
  }
};
ModelledTime EvaluateTime(const ChipModel& chip, const Cost& cost);

double CompileMilliseconds(const ChipModel& chip, const Cost& cost, bool cached);
double LoadMilliseconds(const ChipModel& chip);

}  // namespace ane::sim
