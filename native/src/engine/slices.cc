#include "engine/slices.h"

#include <algorithm>

#include "engine/copy.h"
#include "engine/scalar.h"

namespace ane::engine {
namespace {

struct Range {
  int64_t begin, count, step;
};

// One axis of slice_by_index. Ends outside of the axis are cut to it, as in numpy.
Range Select(int64_t size, int64_t begin, int64_t end, int64_t step, bool from_start, bool to_end) {
  if (begin < 0) begin += size;
  if (end < 0) end += size;
  if (step > 0) {
    begin = from_start ? 0 : std::clamp<int64_t>(begin, 0, size);
    end = to_end ? size : std::clamp<int64_t>(end, 0, size);
    return {begin, end > begin ? (end - begin + step - 1) / step : 0, step};
  }
  begin = from_start ? size - 1 : std::clamp<int64_t>(begin, -1, size - 1);
  end = to_end ? -1 : std::clamp<int64_t>(end, -1, size - 1);
  return {begin, begin > end ? (begin - end - step - 1) / -step : 0, step};
}

std::vector<Range> Ranges(const OpCall& call, const Shape& x) {
  const std::vector<int64_t> begin = call.Ints("begin"), end = call.Ints("end");
  const std::vector<int64_t> step = call.Ints("stride", std::vector<int64_t>(x.size(), 1));
  const std::vector<int64_t> begin_mask = call.Flags("begin_mask", x.size()),
                             end_mask = call.Flags("end_mask", x.size());
  const std::vector<int64_t> squeeze = call.Flags("squeeze_mask", x.size());
  call.Check(begin.size() == x.size(), "begin", std::to_string(x.size()) + " numbers",
             std::to_string(begin.size()));
  call.Check(end.size() == x.size(), "end", std::to_string(x.size()) + " numbers",
             std::to_string(end.size()));
  call.Check(step.size() == x.size(), "stride", std::to_string(x.size()) + " numbers",
             std::to_string(step.size()));
  std::vector<Range> ranges;
  for (size_t i = 0; i < x.size(); ++i) {
    call.Check(step[i] != 0 && std::abs(step[i]) <= INT32_MAX, "stride", "numbers other than 0",
               std::to_string(step[i]));
    if (squeeze[i] != 0) {
      const int64_t at = begin_mask[i] != 0 ? 0 : begin[i] < 0 ? begin[i] + x[i] : begin[i];
      call.Check(at >= 0 && at < x[i], "begin", "an index below " + std::to_string(x[i]),
                 std::to_string(begin[i]));
      ranges.push_back({at, 1, 1});
    } else {
      ranges.push_back(
          Select(x[i], begin[i], end[i], step[i], begin_mask[i] != 0, end_mask[i] != 0));
    }
  }
  return ranges;
}

std::vector<int64_t> SplitSizes(const OpCall& call, int64_t size) {
  const size_t results = call.operation().results.size();
  if (call.Has("split_sizes")) {
    std::vector<int64_t> sizes = call.Ints("split_sizes");
    int64_t sum = 0;
    for (int64_t part : sizes) {
      call.Check(part >= 0 && part <= size, "split_sizes", "sizes within " + std::to_string(size),
                 std::to_string(part));
      sum += part;
    }
    call.Check(sum == size, "split_sizes", "a sum of " + std::to_string(size), std::to_string(sum));
    call.Check(sizes.size() == results, "split_sizes", std::to_string(results) + " sizes",
               std::to_string(sizes.size()));
    return sizes;
  }
  const int64_t parts = call.Int("num_splits");
  call.Check(parts == int64_t(results) && size % parts == 0, "num_splits",
             "a divisor of " + std::to_string(size) + " that is the number of results",
             std::to_string(parts));
  return std::vector<int64_t>(results, size / parts);
}

}  // namespace

std::vector<TensorType> InferSliceByIndex(const OpCall& call) {
  const TensorType& x = call.Type("x");
  const std::vector<int64_t> squeeze = call.Flags("squeeze_mask", x.shape.size());
  const std::vector<Range> ranges = Ranges(call, x.shape);
  Shape shape;
  for (size_t i = 0; i < ranges.size(); ++i) {
    if (squeeze[i] == 0) shape.push_back(ranges[i].count);
  }
  return {{x.dtype, x.bits, shape}};
}

View SelectedRegion(const OpCall& call, const View& x) {
  const std::vector<Range> ranges = Ranges(call, x.shape);
  View out = x;
  for (size_t i = 0; i < ranges.size(); ++i) {
    // An empty range may begin one past the end; its offset must stay inside the buffer.
    const int64_t begin = ranges[i].count > 0 ? ranges[i].begin : 0;
    out = Sliced(out, int(i), begin, ranges[i].count, ranges[i].step);
  }
  return out;
}

std::optional<View> ViewSliceByIndex(const OpCall& call, const View& x, size_t) {
  const std::vector<int64_t> squeeze = call.Flags("squeeze_mask", x.rank());
  View out = SelectedRegion(call, x);
  for (size_t i = x.rank(); i-- > 0;) {
    if (squeeze[i] != 0) out = WithoutAxis(out, int(i));
  }
  return out;
}

std::vector<TensorType> InferSliceBySize(const OpCall& call) {
  const TensorType& x = call.Type("x");
  std::vector<int64_t> size = call.Ints("size");
  call.Check(size.size() == x.shape.size(), "size", std::to_string(x.shape.size()) + " numbers",
             std::to_string(size.size()));
  call.Check(call.Type("begin").shape == Shape{int64_t(size.size())}, "begin",
             std::to_string(size.size()) + " numbers", ShapeText(call.Type("begin").shape));
  const bool known = call.ConstantOrNull("begin") != nullptr;
  const std::vector<int64_t> begin =
      known ? call.Ints("begin") : std::vector<int64_t>(size.size(), 0);
  for (size_t i = 0; i < size.size(); ++i) {
    const int64_t first = begin[i] < 0 ? begin[i] + x.shape[i] : begin[i];
    call.Check(first >= 0 && first <= x.shape[i], "begin",
               "an index up to " + std::to_string(x.shape[i]), std::to_string(begin[i]));
    call.Check(size[i] >= -1 && (known || size[i] >= 0), "size", "sizes", std::to_string(size[i]));
    if (size[i] == -1) size[i] = x.shape[i] - first;
    call.Check(size[i] <= x.shape[i] - first, "size",
               "at most " + std::to_string(x.shape[i] - first), std::to_string(size[i]));
  }
  return {{x.dtype, x.bits, size}};
}

std::optional<View> ViewSliceBySize(const OpCall& call, const View& x, size_t) {
  if (call.ConstantOrNull("begin") == nullptr) return std::nullopt;
  const std::vector<int64_t> begin = call.Ints("begin");
  const Shape& size = call.TypeOf(call.Result()).shape;
  View out = x;
  for (size_t i = 0; i < size.size(); ++i) {
    const int64_t first = begin[i] < 0 ? begin[i] + x.shape[i] : begin[i];
    out = Sliced(out, int(i), size[i] > 0 ? first : 0, size[i]);
  }
  return out;
}

void LowerSliceBySize(const OpCall& call, Lowering& lowering) {
  const View x = lowering.In(call.Id("x")), begin = lowering.In(call.Id("begin")),
             out = lowering.Out(call.Result());
  View window = x;
  window.shape = out.shape;
  lowering.Emit(
      {x, begin, out}, [=, copy = Copy(window, out)](const RunContext& context) -> const char* {
        int64_t shift = 0;
        for (size_t i = 0; i < x.rank(); ++i) {
          int64_t first = ToInteger(
              LoadDouble(context.Data(begin), begin.dtype, int64_t(i) * begin.strides[0]));
          if (first < 0) first += x.shape[i];
          if (first < 0 || first > x.shape[i] - out.shape[i])
            return "Expected begin of slice_by_size inside x.";
          shift += first * x.strides[i];
        }
        copy.Run(context, shift);
        return nullptr;
      });
}

std::vector<TensorType> InferSplit(const OpCall& call) {
  const TensorType& x = call.Type("x");
  const size_t axis = size_t(call.Axis(call.Int("axis"), x.shape.size(), "axis"));
  std::vector<TensorType> types;
  for (int64_t size : SplitSizes(call, x.shape[axis])) {
    types.push_back(x);
    types.back().shape[axis] = size;
  }
  return types;
}

std::optional<View> ViewSplit(const OpCall& call, const View& x, size_t result) {
  const int axis = call.Axis(call.Int("axis"), x.rank(), "axis");
  const std::vector<int64_t> sizes = SplitSizes(call, x.shape[size_t(axis)]);
  int64_t begin = 0;
  for (size_t i = 0; i < result; ++i) begin += sizes[i];
  return Sliced(x, axis, begin, sizes[result]);
}

}  // namespace ane::engine
