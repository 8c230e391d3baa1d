// rmsnorm: out = in · rrms · weight with rrms[s] = 1 / sqrt(mean over C of in² + eps), and its gradient.
//
// C channels, S columns; in, out [C, S], weight [1, C], rrms [1, S] fp32. Sums run in fp32 in the order of C.
#include <algorithm>

#include "host/kernels.h"
#include "host/operands.h"
#include "kernels/vec.h"

namespace ane {
namespace {

constexpr int64_t kColumns = 64;  // a thread's share at least

float At(const TensorView& row, int64_t c) {
  float value;
  return *ReadSegment(row, 0, c, 1, &value);
}

// Calls body(first column, count <= kSegment) over [begin, end) shares of kColumns.
template <typename Body>
void ForColumns(int64_t begin, int64_t end, int64_t S, const Body& body) {
  for (int64_t s = begin * kColumns; s < std::min(end * kColumns, S); s += kSegment) {
    body(s, std::min({kSegment, end * kColumns - s, S - s}));
  }
}

Status Check(const KernelOperands& operands) {
  return CheckOperands("rmsnorm", operands,
                       {{"in", Types::kFloat, 'C', 'S'},
                        {"weight", Types::kFloat, 1, 'C'},
                        {"out", Types::kFloat, 'C', 'S'},
                        {"rrms", Types::kFp32, 1, 'S'}},
                       {{"eps", NumberKind::kNotNegative}});
}

void Run(const KernelOperands& operands, const HostContext& context) {
  const TensorView &in = ViewOf(operands, "in"), &weight = ViewOf(operands, "weight");
  const TensorView &out = ViewOf(operands, "out"), &rrms = ViewOf(operands, "rrms");
  const float eps = static_cast<float>(NumberOf(operands, "eps"));
  const int64_t C = in.rows, S = in.cols;
  const VecTable& vec = Vec();
  context.pool.ParallelFor((S + kColumns - 1) / kColumns, 1, [&](int64_t begin, int64_t end) {
    ForColumns(begin, end, S, [&](int64_t s, int64_t n) {
      float buffer[kSegment], product[kSegment], scale[kSegment] = {};
      for (int64_t c = 0; c < C; ++c) {
        const float* x = ReadSegment(in, c, s, n, buffer);
        vec.mul(product, x, x, n);
        vec.add(scale, scale, product, n);
      }
      vec.mul_scalar(scale, scale, 1.0f / static_cast<float>(C), n);
      vec.add_scalar(scale, scale, eps, n);
      vec.rsqrt(scale, scale, n);
      WriteSegment(rrms, 0, s, n, scale);
      for (int64_t c = 0; c < C; ++c) {
        vec.mul(product, ReadSegment(in, c, s, n, buffer), scale, n);
        vec.mul_scalar(product, product, At(weight, c), n);
        WriteSegment(out, c, s, n, product);
      }
    });
  });
}

Status CheckBackward(const KernelOperands& operands) {
  return CheckOperands("rmsnorm_backward", operands,
                       {{"in", Types::kFloat, 'C', 'S'},
                        {"weight", Types::kFloat, 1, 'C'},
                        {"rrms", Types::kFp32, 1, 'S'},
                        {"dout", Types::kFloat, 'C', 'S'},
                        {"din", Types::kFloat, 'C', 'S'},
                        {"dweight", Types::kFp32, 1, 'C'}},
                       {{"accumulate", NumberKind::kFlag}});
}

// din = rrms · (weight · dout − in · rrms² · mean over C of weight · dout · in); dweight = or += Σ_s dout · in · rrms.
void RunBackward(const KernelOperands& operands, const HostContext& context) {
  const TensorView &in = ViewOf(operands, "in"), &weight = ViewOf(operands, "weight"), &rrms = ViewOf(operands, "rrms");
  const TensorView &dout = ViewOf(operands, "dout"), &din = ViewOf(operands, "din"),
                   &dweight = ViewOf(operands, "dweight");
  const bool accumulate = NumberOf(operands, "accumulate") == 1;
  const int64_t C = in.rows, S = in.cols;
  const VecTable& vec = Vec();
  float* projection = context.pool.Reserve<float>(Workspace::kColumnMeans, S);  // rrms³ · mean, per column
  context.pool.ParallelFor((S + kColumns - 1) / kColumns, 1, [&](int64_t begin, int64_t end) {
    ForColumns(begin, end, S, [&](int64_t s, int64_t n) {
      float buffer_x[kSegment], buffer_d[kSegment], product[kSegment], sum[kSegment] = {};
      for (int64_t c = 0; c < C; ++c) {
        vec.mul(product, ReadSegment(in, c, s, n, buffer_x), ReadSegment(dout, c, s, n, buffer_d), n);
        vec.axpy(sum, At(weight, c), product, n);
      }
      const float* scale = ReadSegment(rrms, 0, s, n, buffer_x);
      vec.mul_scalar(sum, sum, 1.0f / static_cast<float>(C), n);
      for (int i = 0; i < 3; ++i) vec.mul(sum, sum, scale, n);
      std::copy_n(sum, n, projection + s);
    });
  });
  context.pool.ParallelFor(C, std::max<int64_t>(8192 / std::max<int64_t>(S, 1), 1), [&](int64_t begin, int64_t end) {
    float buffer_x[kSegment], buffer_d[kSegment], buffer_r[kSegment], product[kSegment], result[kSegment];
    for (int64_t c = begin; c < end; ++c) {
      double dw = 0;
      for (int64_t s = 0; s < S; s += kSegment) {
        const int64_t n = std::min(kSegment, S - s);
        const float* x = ReadSegment(in, c, s, n, buffer_x);
        const float* scale = ReadSegment(rrms, 0, s, n, buffer_r);
        vec.mul(product, ReadSegment(dout, c, s, n, buffer_d), scale, n);
        dw += vec.dot(product, x, n);
        vec.mul_scalar(product, product, At(weight, c), n);
        vec.mul(result, x, projection + s, n);
        vec.sub(result, product, result, n);
        WriteSegment(din, c, s, n, result);
      }
      float* slot = Element<float>(dweight, 0, c);
      *slot = static_cast<float>(accumulate ? *slot + dw : dw);
    }
  });
}

}  // namespace

const HostKernel kRmsnorm = {"rmsnorm", Check, Run};
const HostKernel kRmsnormBackward = {"rmsnorm_backward", CheckBackward, RunBackward};

}  // namespace ane
