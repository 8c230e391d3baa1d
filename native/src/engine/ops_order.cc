// Rows of operations that sort.
#include <algorithm>

#include "engine/elements.h"
#include "engine/lowering.h"
#include "engine/op_row.h"

namespace ane::engine {
namespace {

using Types = std::vector<TensorType>;

size_t AxisOf(const OpCall& call) {
  return size_t(call.Axis(call.Int("axis", -1), call.ShapeOf("x").size(), "axis"));
}

Types TopK(const OpCall& call) {
  TensorType values = call.Type("x");
  int64_t& size = values.shape[AxisOf(call)];
  const int64_t k = call.Int("k", 1);
  call.Check(k == -1 || (k > 0 && k <= size), "k", "a number from 1 to " + std::to_string(size),
             std::to_string(k));
  if (k > 0) size = k;
  const std::string name = call.Text("output_indices_dtype", "int32");
  Dtype dtype = Dtype::kInt32;
  for (Dtype candidate : {Dtype::kInt16, Dtype::kUint16, Dtype::kInt8, Dtype::kUint8}) {
    if (name == DtypeName(candidate)) dtype = candidate;
  }
  call.Check(name == DtypeName(dtype), "output_indices_dtype", "an integer type", name);
  if (!call.Bool("return_indices", true)) return {values};
  return {values, {dtype, 0, values.shape}};
}

Types ArgSort(const OpCall& call) {
  AxisOf(call);
  return {{Dtype::kInt32, 0, call.ShapeOf("x")}};
}

// Sorts positions along an axis by value; equal values keep their order. NaN counts as the largest.
class Sorter {
 public:
  Sorter(const View& x, const View& scratch, size_t axis, bool ascending)
      : x_(x), scratch_(scratch), split_(x.shape, axis), ascending_(ascending) {}

  // Calls emit(b, c, order) for every line along the axis.
  template <typename F>
  void Run(const RunContext& context, F emit) const {
    const Elements from(context, x_);
    double* values = context.Data<double>(scratch_);
    int64_t* order = reinterpret_cast<int64_t*>(values + split_.along);
    for (int64_t b = 0; b < split_.before; ++b) {
      for (int64_t c = 0; c < split_.after; ++c) {
        for (int64_t a = 0; a < split_.along; ++a) {
          values[a] = from.Get(split_.At(b, a, c));
          order[a] = a;
        }
        const auto less = [&](double p, double q) { return q != q ? p == p : p < q; };
        std::sort(order, order + split_.along, [&](int64_t i, int64_t j) {
          if (less(values[i], values[j])) return ascending_;
          if (less(values[j], values[i])) return !ascending_;
          return i < j;
        });
        emit(b, c, order);
      }
    }
  }

  const AxisSplit& split() const { return split_; }

 private:
  View x_, scratch_;
  AxisSplit split_;
  bool ascending_;
};

void LowerTopK(const OpCall& call, Lowering& lowering) {
  const View x = lowering.In(call.Id("x")), values = lowering.Out(call.Result(0));
  const bool with_indices = call.operation().results.size() > 1;
  const View indices = with_indices ? lowering.Out(call.Result(1)) : values;
  const size_t axis = AxisOf(call);
  const View scratch = lowering.Temp(Dtype::kFp64, {2 * x.shape[axis]});
  const Sorter sorter(x, scratch, axis, call.Bool("ascending", false));
  const AxisSplit out(values.shape, axis);
  lowering.Emit({x, values, indices, scratch}, [=](const RunContext& context) -> const char* {
    const Elements from(context, x), to(context, values), at(context, indices);
    sorter.Run(context, [&](int64_t b, int64_t c, const int64_t* order) {
      for (int64_t a = 0; a < out.along; ++a) {
        to.Set(out.At(b, a, c), from.Get(sorter.split().At(b, order[a], c)));
        if (with_indices) at.Set(out.At(b, a, c), double(order[a]));
      }
    });
    return nullptr;
  });
}

void LowerArgSort(const OpCall& call, Lowering& lowering) {
  const View x = lowering.In(call.Id("x")), out = lowering.Out(call.Result());
  const size_t axis = AxisOf(call);
  const View scratch = lowering.Temp(Dtype::kFp64, {2 * x.shape[axis]});
  const Sorter sorter(x, scratch, axis, call.Bool("ascending", false));
  lowering.Emit({x, out, scratch}, [=](const RunContext& context) -> const char* {
    const Elements to(context, out);
    sorter.Run(context, [&](int64_t b, int64_t c, const int64_t* order) {
      for (int64_t a = 0; a < sorter.split().along; ++a)
        to.Set(sorter.split().At(b, a, c), double(order[a]));
    });
    return nullptr;
  });
}

constexpr OpRow kRows[] = {
    {"topk", "x k? axis? ascending? sort? return_indices? output_indices_dtype?", TopK, LowerTopK},
    {"argsort", "x axis? ascending?", ArgSort, LowerArgSort},
};

}  // namespace

std::span<const OpRow> OrderRows() { return kRows; }

}  // namespace ane::engine
