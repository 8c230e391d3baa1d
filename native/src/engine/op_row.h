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
  const char* name;
  // Names separated by spaces; `?` marks an optional one, `*` one that takes a list.
  const char* operands;
  std::vector<TensorType> (*infer)(const OpCall& call);

  // How it runs: one of the following (or a `lower` for what a `view` cannot express).
  Elementwise elementwise = Elementwise::kNone;
  // Results are windows into the first operand: result number `result` of x, or nothing when
  // strides cannot express it.
  std::optional<View> (*view)(const OpCall& call, const View& x, size_t result) = nullptr;
  // The operands are copied into windows of the result.
  View (*piece)(const OpCall& call, const View& whole, size_t operand) = nullptr;
  // Emits nodes.
  void (*lower)(const OpCall& call, Lowering& lowering) = nullptr;

  // Of a `view` row whose result has all elements of x: where x lies when the result lies at
  // `result`.
  std::optional<View> (*inverse)(const OpCall& call, const View& result) = nullptr;
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
