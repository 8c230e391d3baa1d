#include "engine/op_row.h"

#include <unordered_map>

namespace ane::engine {

const OpRow* FindOp(std::string_view name) {
  static const std::unordered_map<std::string_view, const OpRow*> table = [] {
    std::unordered_map<std::string_view, const OpRow*> rows;
    for (auto family : {ElementwiseRows, LayoutRows, PieceRows, MatmulRows, ReduceRows, SoftmaxRows,
                        ConvRows, GatherRows, ScatterRows, ConstexprRows, QuantizeRows, PoolRows,
                        EinsumRows, RecurrentRows, NormRows, AttentionRows, GenerateRows,
                        OrderRows}) {
      for (const OpRow& row : family()) rows.emplace(row.name, &row);
    }
    return rows;
  }();
  const auto found = table.find(name);
  return found == table.end() ? nullptr : found->second;
}

}  // namespace ane::engine
