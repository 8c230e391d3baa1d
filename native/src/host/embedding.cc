// Rows of a table by index: embedding and gather_rows read them, their counterparts add into them.
//
// S tokens, C channels, V rows of the table. An index outside the table reads as NaN, so that the mistake shows in the
// loss, and is added nowhere.
#include <algorithm>
#include <limits>

#include "host/kernels.h"
#include "host/operands.h"
#include "kernels/gemm_kernel.h"
#include "kernels/vec.h"

namespace ane {
namespace {

constexpr int kTokens = 32;        // handled together
constexpr int64_t kChannels = 64;  // handled together

// Channels [c, c + n) of table row `id`.
const float* TableSegment(const TensorView& table, int64_t id, int64_t c, int64_t n, float* buffer) {
  if (id >= 0 && id < table.rows) return ReadSegment(table, id, c, n, buffer);
  std::fill_n(buffer, n, std::numeric_limits<float>::quiet_NaN());
  return buffer;
}

void AddToTable(const TensorView& table, int64_t id, int64_t c, int64_t n, const float* values) {
  if (id < 0 || id >= table.rows) return;
  float* p = Element<float>(table, id, c);
  if (table.col_stride == 1) return Vec().add(p, p, values, n);
  for (int64_t i = 0; i < n; ++i) p[i * table.col_stride] += values[i];
}

Status CheckEmbedding(const KernelOperands& operands) {
  return CheckOperands(
      "embedding", operands,
      {{"tokens", Types::kInt32, 1, 'S'}, {"table", Types::kFloat, '*', 'C'}, {"out", Types::kFloat, 'C', 'S'}}, {});
}

// out [C, S]: reads rows of the table, turns a block, writes rows of channels.
void RunEmbedding(const KernelOperands& operands, const HostContext& context) {
  const TensorView &tokens = ViewOf(operands, "tokens"), &table = ViewOf(operands, "table"),
                   &out = ViewOf(operands, "out");
  const GemmMicrokernel& kernel = *Vec().gemm;
  const int64_t S = out.cols, C = out.rows;
  context.pool.ParallelFor((S + kTokens - 1) / kTokens, 1, [&](int64_t begin, int64_t end) {
    alignas(64) float rows[kTokens * kChannels], turned[kTokens * kChannels];
    for (int64_t s = begin * kTokens; s < std::min(end * kTokens, S); s += kTokens) {
      const int count = static_cast<int>(std::min<int64_t>(kTokens, S - s));
      for (int64_t c = 0; c < C; c += kChannels) {
        const int64_t n = std::min(kChannels, C - c);
        for (int i = 0; i < count; ++i) {
          float* row = rows + i * kChannels;
          const float* values = TableSegment(table, *Element<int32_t>(tokens, 0, s + i), c, n, row);
          if (values != row) std::copy_n(values, n, row);
        }
        kernel.pack_fp32(turned, kTokens, rows, n, count, 1, kChannels);
        for (int64_t i = 0; i < n; ++i) WriteSegment(out, c + i, s, count, turned + i * kTokens);
      }
    }
  });
}

Status CheckEmbeddingBackward(const KernelOperands& operands) {
  return CheckOperands(
      "embedding_backward", operands,
      {{"tokens", Types::kInt32, 1, 'S'}, {"dout", Types::kFloat, 'C', 'S'}, {"dtable", Types::kFp32, '*', 'C'}}, {});
}

// dtable [V, C] += dout transposed. Threads share out channels, so every row is summed in the order of the tokens.
void RunEmbeddingBackward(const KernelOperands& operands, const HostContext& context) {
  const TensorView &tokens = ViewOf(operands, "tokens"), &dout = ViewOf(operands, "dout"),
                   &dtable = ViewOf(operands, "dtable");
  const GemmMicrokernel& kernel = *Vec().gemm;
  const int64_t S = dout.cols, C = dout.rows;
  context.pool.ParallelFor((C + kTokens - 1) / kTokens, 1, [&](int64_t begin, int64_t end) {
    alignas(64) float turned[kChannels * kTokens];
    for (int64_t c = begin * kTokens; c < std::min(end * kTokens, C); c += kTokens) {
      const int count = static_cast<int>(std::min<int64_t>(kTokens, C - c));
      for (int64_t s = 0; s < S; s += kChannels) {
        const int64_t n = std::min(kChannels, S - s);
        if (dout.dtype == Dtype::kFp16) {
          kernel.pack_fp16(turned, kTokens, Element<uint16_t>(dout, c, s), n, count, dout.col_stride, dout.row_stride);
        } else {
          kernel.pack_fp32(turned, kTokens, Element<float>(dout, c, s), n, count, dout.col_stride, dout.row_stride);
        }
        for (int64_t i = 0; i < n; ++i) {
          AddToTable(dtable, *Element<int32_t>(tokens, 0, s + i), c, count, turned + i * kTokens);
        }
      }
    }
  });
}

Status CheckGatherRows(const KernelOperands& operands) {
  return CheckOperands(
      "gather_rows", operands,
      {{"ids", Types::kInt32, 1, 'N'}, {"table", Types::kFloat, '*', 'C'}, {"out", Types::kFloat, 'N', 'C'}}, {});
}

void RunGatherRows(const KernelOperands& operands, const HostContext& context) {
  const TensorView &ids = ViewOf(operands, "ids"), &table = ViewOf(operands, "table"), &out = ViewOf(operands, "out");
  context.pool.ParallelFor(out.rows, 16, [&](int64_t begin, int64_t end) {
    float buffer[kSegment];
    for (int64_t r = begin; r < end; ++r) {
      for (int64_t c = 0; c < out.cols; c += kSegment) {
        const int64_t n = std::min(kSegment, out.cols - c);
        WriteSegment(out, r, c, n, TableSegment(table, *Element<int32_t>(ids, 0, r), c, n, buffer));
      }
    }
  });
}

Status CheckScatterAddRows(const KernelOperands& operands) {
  return CheckOperands(
      "scatter_add_rows", operands,
      {{"ids", Types::kInt32, 1, 'N'}, {"in", Types::kFloat, 'N', 'C'}, {"table", Types::kFp32, '*', 'C'}}, {});
}

// Threads share out columns, so that every row is summed in the order of the ids.
void RunScatterAddRows(const KernelOperands& operands, const HostContext& context) {
  const TensorView &ids = ViewOf(operands, "ids"), &in = ViewOf(operands, "in"), &table = ViewOf(operands, "table");
  context.pool.ParallelFor((in.cols + kChannels - 1) / kChannels, 1, [&](int64_t begin, int64_t end) {
    float buffer[kSegment];
    const int64_t to = std::min(end * kChannels, in.cols);
    for (int64_t r = 0; r < in.rows; ++r) {
      for (int64_t c = begin * kChannels; c < to; c += kSegment) {
        const int64_t n = std::min(kSegment, to - c);
        AddToTable(table, *Element<int32_t>(ids, 0, r), c, n, ReadSegment(in, r, c, n, buffer));
      }
    }
  });
}

}  // namespace

const HostKernel kEmbedding = {"embedding", CheckEmbedding, RunEmbedding};
const HostKernel kEmbeddingBackward = {"embedding_backward", CheckEmbeddingBackward, RunEmbeddingBackward};
const HostKernel kGatherRows = {"gather_rows", CheckGatherRows, RunGatherRows};
const HostKernel kScatterAddRows = {"scatter_add_rows", CheckScatterAddRows, RunScatterAddRows};

}  // namespace ane
