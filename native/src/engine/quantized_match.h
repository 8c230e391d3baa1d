// Finds products of 8-bit numbers among the operations of a function, by structure.
#pragma once

#include <memory>
#include <vector>

#include "engine/ir.h"
#include "kernels/gemm_int8.h"

namespace ane::engine {

// A convolution with a 1x1 kernel, `linear` or `matmul` of constants [M, K] that a
// constexpr_affine_dequantize gives and columns [.., K, N] that a dequantize with one scale gives.
struct QuantizedMatch {
  int operation;   // the product
  int dequantize;  // of the columns
  int columns;     // the value of 8 bits that it reads
  int32_t zero_point;
  std::shared_ptr<const Int8Rows> rows;
  std::shared_ptr<const std::vector<float>> scales;  // one per row, those of both factors as one
  bool by_rows;  // columns lie as [.., N, K] and results as [.., N, M]
};

// In exact math only products that give every bit of the operations one by one: dequantized factors
// that need no rounding and sums that are whole numbers below 2^24 of one unit. None where the
// processor has no dot products of 8-bit numbers.
std::vector<QuantizedMatch> MatchQuantized(const Function& function, bool exact);

}  // namespace ane::engine
