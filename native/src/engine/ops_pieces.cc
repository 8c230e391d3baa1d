// Rows of operations that put their operands side by side.
#include "engine/lowering.h"
#include "engine/op_row.h"

namespace ane::engine {
namespace {

using Types = std::vector<TensorType>;

int ConcatAxis(const OpCall& call) {
  const size_t rank = call.TypeOf(call.Ids("values")[0]).shape.size();
  return call.Axis(call.Int("axis"), rank, "axis");
}

void CheckAlike(const OpCall& call, int skipped_axis) {
  const std::vector<int>& values = call.Ids("values");
  call.Check(!values.empty(), "values", "at least one tensor", "none");
  const TensorType& first = call.TypeOf(values[0]);
  for (int value : values) {
    const TensorType& type = call.TypeOf(value);
    bool alike = type.dtype == first.dtype && type.shape.size() == first.shape.size();
    for (size_t i = 0; alike && i < first.shape.size(); ++i) {
      alike = int(i) == skipped_axis || type.shape[i] == first.shape[i];
    }
    call.Check(alike, "values", "tensors like the first, " + TypeText(first), TypeText(type));
  }
}

Types Concat(const OpCall& call) {
  call.Check(!call.Ids("values").empty(), "values", "at least one tensor", "none");
  const int axis = ConcatAxis(call);
  CheckAlike(call, call.Bool("interleave", false) ? -1 : axis);
  TensorType type = call.TypeOf(call.Ids("values")[0]);
  type.shape[size_t(axis)] = 0;
  for (int value : call.Ids("values"))
    type.shape[size_t(axis)] += call.TypeOf(value).shape[size_t(axis)];
  return {type};
}

View ConcatPiece(const OpCall& call, const View& whole, size_t operand) {
  const int axis = ConcatAxis(call);
  const std::vector<int>& values = call.Ids("values");
  const int64_t size = call.TypeOf(values[operand]).shape[size_t(axis)];
  if (call.Bool("interleave", false))
    return Sliced(whole, axis, int64_t(operand), size, int64_t(values.size()));
  int64_t begin = 0;
  for (size_t i = 0; i < operand; ++i) begin += call.TypeOf(values[i]).shape[size_t(axis)];
  return Sliced(whole, axis, begin, size);
}

int StackAxis(const OpCall& call) {
  const size_t rank = call.TypeOf(call.Ids("values")[0]).shape.size() + 1;
  return call.Axis(call.Int("axis"), rank, "axis");
}

Types Stack(const OpCall& call) {
  CheckAlike(call, -1);
  TensorType type = call.TypeOf(call.Ids("values")[0]);
  call.Check(type.shape.size() < size_t(kMaxRank), "values", "at most 7 dimensions",
             ShapeText(type.shape));
  type.shape.insert(type.shape.begin() + StackAxis(call), int64_t(call.Ids("values").size()));
  return {type};
}

View StackPiece(const OpCall& call, const View& whole, size_t operand) {
  const int axis = StackAxis(call);
  return WithoutAxis(Sliced(whole, axis, int64_t(operand), 1), axis);
}

constexpr OpRow kRows[] = {
    {"concat", "values* axis interleave?", Concat, ConcatPiece},
    {"stack", "values* axis", Stack, StackPiece},
};

}  // namespace

std::span<const OpRow> PieceRows() { return kRows; }

}  // namespace ane::engine
