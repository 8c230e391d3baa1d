// fill, copy and add: values moved between views of any type and stride.
#include <algorithm>
#include <cstring>

#include "host/kernels.h"
#include "host/operands.h"
#include "kernels/gemm_kernel.h"
#include "kernels/vec.h"

namespace ane {
namespace {

// Side of the blocks in which strided copies go: whole cache lines on either side, and small beside the first cache.
constexpr int kBlock = 64;

TensorView Transposed(const TensorView& v) { return {v.data, v.dtype, v.cols, v.rows, v.col_stride, v.row_stride}; }

// Elements a piece of work should have at least, so that handing it over pays.
constexpr int64_t kWork = 16384;
int64_t RowGrain(int64_t cols) { return std::max<int64_t>(kWork / std::max<int64_t>(cols, 1), 1); }

void CopyRows(const TensorView& in, const TensorView& out) {
  for (int64_t r = 0; r < out.rows; ++r) {
    if (in.dtype == out.dtype) {
      std::memmove(Block(out, r, 1, 0, 0).data, Block(in, r, 1, 0, 0).data, out.cols * SizeOf(out.dtype));
    } else if (out.dtype == Dtype::kFp16) {
      Vec().fp32_to_fp16(Element<uint16_t>(out, r, 0), Element<float>(in, r, 0), out.cols);
    } else {
      Vec().fp16_to_fp32(Element<float>(out, r, 0), Element<uint16_t>(in, r, 0), out.cols);
    }
  }
}

// Reads a block into fp32 in the order of out, then writes its rows: both sides are touched in runs.
void CopyThroughBlocks(const TensorView& in, const TensorView& out) {
  const GemmMicrokernel& kernel = *Vec().gemm;
  alignas(64) float block[kBlock * kBlock];
  for (int64_t c = 0; c < out.cols; c += kBlock) {
    const int cols = static_cast<int>(std::min<int64_t>(kBlock, out.cols - c));
    for (int64_t r = 0; r < out.rows; r += kBlock) {
      const int64_t rows = std::min<int64_t>(kBlock, out.rows - r);
      if (in.dtype == Dtype::kFp16) {
        kernel.pack_fp16(block, kBlock, Element<uint16_t>(in, r, c), rows, cols, in.row_stride, in.col_stride);
      } else {
        kernel.pack_fp32(block, kBlock, Element<float>(in, r, c), rows, cols, in.row_stride, in.col_stride);
      }
      for (int64_t i = 0; i < rows; ++i) WriteSegment(out, r + i, c, cols, block + i * kBlock);
    }
  }
}

// Threads share out whole blocks, those along the rows of out that lie side by side in memory of `in` first.
void CopyBlocksInParallel(const TensorView& in, const TensorView& out, ThreadPool& pool) {
  const int64_t down = (out.rows + kBlock - 1) / kBlock, across = (out.cols + kBlock - 1) / kBlock;
  pool.ParallelFor(down * across, kWork / (kBlock * kBlock), [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t first = begin % down, count = std::min(down - first, end - begin);
      const int64_t r = first * kBlock, rows = std::min(count * kBlock, out.rows - r);
      const int64_t c = begin / down * kBlock, cols = std::min<int64_t>(kBlock, out.cols - c);
      CopyThroughBlocks(Block(in, r, rows, c, cols), Block(out, r, rows, c, cols));
      begin += count;
    }
  });
}

Status CheckFill(const KernelOperands& operands) {
  return CheckOperands("fill", operands, {{"out", Types::kFloat, '*', '*'}}, {{"value"}});
}

void RunFill(const KernelOperands& operands, const HostContext& context) {
  const TensorView& out = ViewOf(operands, "out");
  float values[kSegment];
  std::fill_n(values, kSegment, static_cast<float>(NumberOf(operands, "value")));
  context.pool.ParallelFor(out.rows, RowGrain(out.cols), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      for (int64_t c = 0; c < out.cols; c += kSegment)
        WriteSegment(out, r, c, std::min(kSegment, out.cols - c), values);
    }
  });
}

Status CheckCopy(const KernelOperands& operands) {
  return CheckOperands("copy", operands, {{"in", Types::kFloat, 'R', 'C'}, {"out", Types::kFloat, 'R', 'C'}}, {});
}

void RunCopy(const KernelOperands& operands, const HostContext& context) {
  TensorView in = ViewOf(operands, "in"), out = ViewOf(operands, "out");
  if (out.cols == 1 || (out.col_stride != 1 && out.row_stride == 1)) {
    in = Transposed(in);
    out = Transposed(out);
  }
  // One long row is cut as if it were several.
  if (out.rows == 1 && out.cols > kWork) {
    context.pool.ParallelFor((out.cols + kWork - 1) / kWork, 1, [&](int64_t begin, int64_t end) {
      const int64_t from = begin * kWork, count = std::min(end * kWork, out.cols) - from;
      CopyBlock(Block(in, 0, 1, from, count), Block(out, 0, 1, from, count));
    });
    return;
  }
  if (in.col_stride != 1 || out.col_stride != 1) return CopyBlocksInParallel(in, out, context.pool);
  context.pool.ParallelFor(out.rows, RowGrain(out.cols), [&](int64_t begin, int64_t end) {
    CopyRows(Block(in, begin, end - begin, 0, in.cols), Block(out, begin, end - begin, 0, out.cols));
  });
}

Status CheckAdd(const KernelOperands& operands) {
  return CheckOperands(
      "add", operands,
      {{"a", Types::kFloat, 'R', 'C'}, {"b", Types::kFloat, 'R', 'C'}, {"out", Types::kFloat, 'R', 'C'}}, {{"scale"}});
}

void RunAdd(const KernelOperands& operands, const HostContext& context) {
  const TensorView &a = ViewOf(operands, "a"), &b = ViewOf(operands, "b"), &out = ViewOf(operands, "out");
  const float scale = static_cast<float>(NumberOf(operands, "scale"));
  const VecTable& vec = Vec();
  context.pool.ParallelFor(out.rows, RowGrain(out.cols), [&](int64_t begin, int64_t end) {
    float buffer_a[kSegment], buffer_b[kSegment], sum[kSegment];
    for (int64_t r = begin; r < end; ++r) {
      for (int64_t c = 0; c < out.cols; c += kSegment) {
        const int64_t n = std::min(kSegment, out.cols - c);
        vec.mul_scalar(sum, ReadSegment(b, r, c, n, buffer_b), scale, n);
        vec.add(sum, ReadSegment(a, r, c, n, buffer_a), sum, n);
        WriteSegment(out, r, c, n, sum);
      }
    }
  });
}

}  // namespace

TensorView Block(const TensorView& view, int64_t row, int64_t rows, int64_t col, int64_t cols) {
  char* data = static_cast<char*>(view.data) +
               (row * view.row_stride + col * view.col_stride) * static_cast<int64_t>(SizeOf(view.dtype));
  return {data, view.dtype, rows, cols, view.row_stride, view.col_stride};
}

void CopyBlock(const TensorView& in, const TensorView& out) {
  if (out.col_stride != 1 && out.row_stride == 1) return CopyBlock(Transposed(in), Transposed(out));
  in.col_stride == 1 && out.col_stride == 1 ? CopyRows(in, out) : CopyThroughBlocks(in, out);
}

const HostKernel kFill = {"fill", CheckFill, RunFill};
const HostKernel kCopy = {"copy", CheckCopy, RunCopy};
const HostKernel kAdd = {"add", CheckAdd, RunAdd};

}  // namespace ane
