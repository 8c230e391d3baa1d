// The row of softmax, and the kernel attention shares.
#include "engine/lowering.h"
#include "engine/op_row.h"
#include "engine/softmax.h"

namespace ane::engine {
namespace {

std::vector<TensorType> Infer(const OpCall& call) {
  call.Axis(call.Int("axis", -1), call.ShapeOf("x").size(), "axis");
  return {call.Type("x")};
}

void Lower(const OpCall& call, Lowering& lowering) {
  const View x = lowering.In(call.Id("x")), out = lowering.Out(call.Result());
  const int axis = call.Axis(call.Int("axis", -1), x.rank(), "axis");
  lowering.Emit({x, out}, [softmax = Softmax(x, out, axis)](const RunContext& context) {
    softmax.Run(context);
    return nullptr;
  });
}

constexpr OpRow kRows[] = {{"softmax", "x axis?", Infer, Lower}};

}  // namespace

std::span<const OpRow> SoftmaxRows() { return kRows; }

}  // namespace ane::engine
