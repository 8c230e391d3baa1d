// A batch of matrices in one view.
#pragma once

#include "engine/plan.h"
#include "kernels/gemm.h"

namespace ane::engine {

// The last two dimensions of a view of at least two; those before broadcast to `batch`.
class MatrixBatch {
 public:
  MatrixBatch(const View& view, const Shape& batch);

  int64_t rows() const { return view_.shape[0]; }
  int64_t columns() const { return view_.shape[1]; }
  const View& view() const { return view_; }  // of the first matrix
  bool same_for_all() const;
  // How many items in a row have the same matrix, aligned at multiples of that.
  int64_t RunOfSame() const;

  Matrix At(const RunContext& context, int64_t item) const;
  ConstMatrix ConstAt(const RunContext& context, int64_t item) const;

 private:
  int64_t Offset(int64_t item) const;

  View view_;
  Shape batch_, strides_;
};

// Windows and the transpose.
ConstMatrix Rows(ConstMatrix m, int64_t first, int64_t count);
Matrix Rows(Matrix m, int64_t first, int64_t count);
ConstMatrix Constant(const Matrix& m);

// The largest magnitude; infinite when an element is infinite or NaN.
float LargestMagnitude(const ConstMatrix& m);
// A bound of the magnitudes in a [M, K] · b [N, K]ᵀ, no number when there is none; as tight as the
// lengths of rows allow unless a cheaper one is at most `enough`.
float ProductBound(const ConstMatrix& a, const ConstMatrix& b, float enough);

}  // namespace ane::engine
