#include "engine/panel_products.h"

#include <algorithm>

#include "engine/strided.h"
#include "kernels/gemm_panels.h"
#include "kernels/vec.h"

namespace ane::engine {

PackedRows::PackedRows(const GemmMicrokernel& micro, int64_t row_count, int64_t depth, int panel)
    : kernel(micro),
      rows(row_count),
      k(depth),
      width(panel),
      words(CeilDivide(k, kernel.depth)),
      panels(CeilDivide(rows, width)),
      step(words * width) {}

void PackedRows::Pack(const ConstMatrix& matrix, float* to) const {
  PanelSource(kernel, matrix, width).PackTurned(to, step, 0, panels, 0, k);
}

void PackedRows::PackOne(const ConstMatrix& matrix, int64_t panel, float* to) const {
  PanelSource(kernel, matrix, width).PackTurned(to, step, panel, 1, 0, k);
}

void FillPanel(const PackedRows& shape, const float* a, const float* b, int64_t rows,
               float* panel) {
  const GemmMicrokernel& kernel = shape.kernel;
  for (int64_t row = 0; row < rows; row += kernel.rows) {
    const int count = int(std::min<int64_t>(kernel.rows, rows - row));
    const TileEnd end{nullptr, false, panel + row * kernel.columns, kernel.columns,
                      false,   false, count, kernel.columns, {}};
    kernel.tile(shape.words, a + row * shape.words, b, end);
  }
}

void MultiplyPanel(const PackedRows& shape, const float* a, const float* b, int64_t seen,
                   float* work, const Matrix& out) {
  const GemmMicrokernel& kernel = shape.kernel;
  const int64_t block = BlockOfK(shape.k, kernel.depth);
  const bool direct = out.col_stride == 1;
  const Matrix to =
      direct ? out : Matrix{work, Dtype::kFp32, out.rows, kernel.columns, kernel.columns, 1};
  alignas(64) float kept[kMaxTile];
  for (int64_t row = 0; row < out.rows; row += kernel.rows) {
    const int count = int(std::min<int64_t>(kernel.rows, out.rows - row));
    for (int64_t k = 0; k < seen; k += block) {
      const int64_t n = std::min(block, seen - k), word = k / kernel.depth;
      const TileEnd end{kept,
                        k > 0,
                        k + n == seen ? At(to.data, to.dtype, row * to.row_stride) : nullptr,
                        to.row_stride,
                        to.dtype == Dtype::kFp16,
                        false,
                        count,
                        int(to.cols),
                        {}};
      kernel.tile(CeilDivide(n, kernel.depth), a + row * shape.words + word * kernel.rows,
                  b + word * kernel.columns, end);
    }
  }
  if (direct) return;
  const int64_t room = out.rows * kernel.columns;
  Vec().gemm->pack_fp32(work + room, int(out.rows), work, out.cols, int(out.rows), 1,
                        kernel.columns);
  for (int64_t query = 0; query < out.cols; ++query) {
    StoreRun(work + room + query * out.rows, out.data, out.dtype, query * out.col_stride,
             out.row_stride, out.rows);
  }
}

void StoreLines(const GemmMicrokernel& kernel, const float* lines, int64_t first, float* work,
                const Matrix& out) {
  const int64_t columns = std::min<int64_t>(kernel.columns, out.cols - first);
  if (out.col_stride == 1) {
    for (int64_t row = 0; row < out.rows; ++row) {
      StoreRun(lines + row * kernel.columns, out.data, out.dtype, row * out.row_stride + first, 1,
               columns);
    }
    return;
  }
  Vec().gemm->pack_fp32(work, int(out.rows), lines, columns, int(out.rows), 1, kernel.columns);
  for (int64_t column = 0; column < columns; ++column) {
    StoreRun(work + column * out.rows, out.data, out.dtype, (first + column) * out.col_stride,
             out.row_stride, out.rows);
  }
}

}  // namespace ane::engine
