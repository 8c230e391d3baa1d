#include "engine/scalar_loop.h"

#include <functional>

#include "engine/scalar.h"
#include "engine/strided.h"

namespace ane::engine {
namespace {

// int32 wraps around; a product of two has more digits than a double.
double ApplyInteger(const ElementwiseCall& apply, double a, double b) {
  const auto bits = [](double x) { return static_cast<uint32_t>(ToInteger(x)); };
  uint32_t base = bits(a), result = 1;
  if (apply.op == Elementwise::kMul) {
    result = base * bits(b);
  } else {
    for (uint32_t rest = apply.op == Elementwise::kSquare ? 2 : bits(b); rest > 0; rest >>= 1) {
      if ((rest & 1) != 0) result *= base;
      base *= base;
    }
  }
  return static_cast<int32_t>(result);
}

bool Multiplies(Elementwise op, double b) {
  return op == Elementwise::kMul || op == Elementwise::kSquare || (op == Elementwise::kPow && b >= 0);
}

}  // namespace

View ChannelOperand(const OpCall& call, std::string_view name, const View& view) {
  const Elementwise op = call.operation().row->elementwise;
  const bool channels =
      (op == Elementwise::kPrelu || op == Elementwise::kSoftplusParametric) && name != "x";
  if (!channels || view.rank() != 1) return view;
  View out = view;
  for (size_t i = 2; i < call.ShapeOf("x").size(); ++i) {
    out.shape.push_back(1);
    out.strides.push_back(0);
  }
  return out;
}

void LowerScalarLoop(const OpCall& call, Lowering& lowering) {
  const View out = lowering.Out(call.Result());
  std::vector<View> views = {out};
  for (std::string_view name : ElementwiseOperands(call.operation().row->elementwise)) {
    views.push_back(Broadcast(ChannelOperand(call, name, lowering.In(call.Id(name))), out.shape));
  }
  const ElementwiseCall apply = ReadElementwise(call.operation().row->elementwise, call);
  lowering.Emit(
      views, [views, apply, nest = Collapse(views)](const RunContext& context) -> const char* {
        const auto body = [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) {
            double operands[3] = {0, 0, 0};
            for (size_t v = 1; v < views.size(); ++v) {
              const RowCursor cursor(nest.shape, nest.strides[v], i);
              operands[v - 1] = LoadDouble(context.Data(views[v]), views[v].dtype, cursor.offset());
            }
            const RowCursor cursor(nest.shape, nest.strides[0], i);
            const bool wraps =
                views[0].dtype == Dtype::kInt32 && Multiplies(apply.op, operands[1]);
            StoreDouble(context.Data(views[0]), views[0].dtype, cursor.offset(),
                        wraps ? ApplyInteger(apply, operands[0], operands[1])
                              : ApplyScalar(apply.op, operands[0], operands[1], operands[2],
                                            apply.constants));
          }
        };
        context.pool.ParallelFor(views[0].count(), 1024, std::ref(body));
        return nullptr;
      });
}

}  // namespace ane::engine
