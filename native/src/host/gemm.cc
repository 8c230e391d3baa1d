// gemm: out [M, N] = or += a [M, K] · b [K, N], accumulated in fp32, and the sums of squares of its rows.
#include "host/gradient_norm.h"
#include "host/kernels.h"
#include "host/matrices.h"
#include "host/operands.h"

namespace ane {
namespace {

Status Check(const KernelOperands& operands) {
  Status status =
      CheckOperands("gemm", operands,
                    {{"a", Types::kFloat, 'M', 'K'},
                     {"b", Types::kFloat, 'K', 'N'},
                     {"out", Types::kFloat, 'M', 'N'},
                     {"squares", Types::kFp64, 1, 'M', Presence::kOptional}},
                    {{"accumulate", NumberKind::kFlag}});
  if (!status.ok()) return status;
  if (NumberOf(operands, "accumulate") == 1 && ViewOf(operands, "out").dtype != Dtype::kFp32) {
    return InvalidArgument("Expected fp32 for out of gemm with accumulate, got fp16.");
  }
  return {};
}

void Run(const KernelOperands& operands, const HostContext& context) {
  GemmAndSquares(context.pool, Const(ViewOf(operands, "a")), Const(ViewOf(operands, "b")), ViewOf(operands, "out"),
                 OptionalView(operands, "squares"), NumberOf(operands, "accumulate") == 1,
                 ArithmeticOf(context.exact));
}

}  // namespace

const HostKernel kGemmKernel = {"gemm", Check, Run};

}  // namespace ane
