// The table of operations: one row is everything the engine knows about one.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/elementwise.h"
#include "engine/op_call.h"
#include "engine/view.h"

namespace ane::engine {

class Lowering;

struct OpRow {
  using Infer = std::vector<TensorType>(const OpCall& call);
  using ViewOf = std::optional<View>(const OpCall& call, const View& x, size_t result);
  using InverseOf = std::optional<View>(const OpCall& call, const View& result);
  using PieceOf = View(const OpCall& call, const View& whole, size_t operand);
  using Lower = void(const OpCall& call, Lowering& lowering);

  constexpr OpRow(const char* name, const char* operands, Infer* infer, Elementwise elementwise)
      : name(name), operands(operands), infer(infer), elementwise(elementwise) {}
  constexpr OpRow(const char* name, const char* operands, Infer* infer, Lower* lower)
      : name(name), operands(operands), infer(infer), lower(lower) {}
  constexpr OpRow(const char* name, const char* operands, Infer* infer, PieceOf* piece)
      : name(name), operands(operands), infer(infer), piece(piece) {}
  constexpr OpRow(const char* name, const char* operands, Infer* infer, ViewOf* view,
                  InverseOf* inverse, Lower* lower = nullptr)
      : name(name), operands(operands), infer(infer), view(view), lower(lower), inverse(inverse) {}

  const char* name;
  // Names separated by spaces; `?` marks an optional one, `*` one that takes a list.
  const char* operands;
  Infer* infer;

  // How it runs: one of the following (or a `lower` for what a `view` cannot express).
  Elementwise elementwise = Elementwise::kNone;
  // Results are windows into the first operand: result number `result` of x, or nothing when
  // strides cannot express it.
  ViewOf* view = nullptr;
  // The operands are copied into windows of the result.
  PieceOf* piece = nullptr;
  // Emits nodes.
  Lower* lower = nullptr;

  // Of a `view` row whose result has all elements of x: where x lies when the result lies at
  // `result`.
  InverseOf* inverse = nullptr;
};

// nullptr when the engine has no such operation.
const OpRow* FindOp(std::string_view name);

// The rows, by family.
std::span<const OpRow> ElementwiseRows();
std::span<const OpRow> LayoutRows();
std::span<const OpRow> PieceRows();
std::span<const OpRow> MatmulRows();
std::span<const OpRow> ReduceRows();
std::span<const OpRow> SoftmaxRows();
std::span<const OpRow> ConvRows();
std::span<const OpRow> GatherRows();
std::span<const OpRow> ScatterRows();
std::span<const OpRow> ConstexprRows();
std::span<const OpRow> QuantizeRows();
std::span<const OpRow> PoolRows();
std::span<const OpRow> EinsumRows();
std::span<const OpRow> RecurrentRows();
std::span<const OpRow> NormRows();
std::span<const OpRow> AttentionRows();
std::span<const OpRow> GenerateRows();
std::span<const OpRow> OrderRows();

}  // namespace ane::engine
