// Products on the panels of attention: one line of fp32 numbers per key, a query in each of a
// micro-kernel's columns.
#pragma once

#include "kernels/gemm.h"
#include "kernels/gemm_kernel.h"

namespace ane::engine {

// Rows of a matrix [rows, K] as turned panels of `width`, one behind the other.
struct PackedRows {
  PackedRows(const GemmMicrokernel& kernel, int64_t rows, int64_t k, int width);

  int64_t floats() const { return panels * step; }
  void Pack(const ConstMatrix& matrix, float* to) const;
  // One panel only.
  void PackOne(const ConstMatrix& matrix, int64_t panel, float* to) const;

  const GemmMicrokernel& kernel;
  int64_t rows, k;
  int width;
  int64_t words, panels, step;
};

// panel [rows, columns] = a · b with the first `rows` rows of a; `a` is packed as `shape` says, b
// is one turned panel.
void FillPanel(const PackedRows& shape, const float* a, const float* b, int64_t rows, float* panel);

// out [rows of a, queries] = a · b over the first `seen` of K, summed in blocks as Gemm does.
// `work` holds the result in fp32 where columns of `out` are not continuous.
void MultiplyPanel(const PackedRows& shape, const float* a, const float* b, int64_t seen,
                   float* work, const Matrix& out);

// Stores lines [rows of out, columns] of one tile of columns, from `first` on; `work` holds as much
// again.
void StoreLines(const GemmMicrokernel& kernel, const float* lines, int64_t first, float* work,
                const Matrix& out);

}  // namespace ane::engine
