#include "engine/padding.h"

#include <algorithm>
#include <functional>

#include "engine/scalar.h"
#include "engine/strided.h"

namespace ane::engine {
namespace {

// Index of x that position `i` (relative to x's start) shows, for sizes above 0.
int64_t Source(int64_t i, int64_t size, PadMode mode) {
  if (mode == PadMode::kReplicate || size == 1) return std::clamp<int64_t>(i, 0, size - 1);
  const int64_t period = 2 * (size - 1);
  i = ((i % period) + period) % period;
  return i < size ? i : period - i;
}

}  // namespace

void EmitPadding(Lowering& lowering, const View& x, const View& out,
                 const std::vector<int64_t>& before, PadMode mode, double constant) {
  const Shape order = DenseStrides(out.shape);
  lowering.Emit({x, out}, [=](const RunContext& context) -> const char* {
    const auto body = [&](int64_t begin, int64_t end) {
      for (int64_t flat = begin; flat < end; ++flat) {
        int64_t from = 0, to = 0;
        bool inside = true;
        for (size_t i = 0; i < out.rank(); ++i) {
          const int64_t at = flat / order[i] % out.shape[i];
          to += at * out.strides[i];
          int64_t source = at - before[i];
          inside = inside && source >= 0 && source < x.shape[i];
          if (mode != PadMode::kConstant) source = Source(source, x.shape[i], mode);
          from += source * x.strides[i];
        }
        const double value = inside || mode != PadMode::kConstant
                                 ? LoadDouble(context.Data(x), x.dtype, from)
                                 : constant;
        StoreDouble(context.Data(out), out.dtype, to, value);
      }
    };
    context.pool.ParallelFor(out.count(), 1024, std::ref(body));
    return nullptr;
  });
}

}  // namespace ane::engine
