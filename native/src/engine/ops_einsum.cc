// The row of einsum over two operands.
#include <functional>
#include <map>

#include "engine/elements.h"
#include "engine/lowering.h"
#include "engine/op_row.h"
#include "engine/strided.h"

namespace ane::engine {
namespace {

struct Equation {
  std::string x, y, out;
  std::string contracted;  // labels of x or y that the result lacks
  std::map<char, int64_t> sizes;
};

Equation Read(const OpCall& call) {
  std::string text = call.Text("equation", "");
  std::erase(text, ' ');
  const std::vector<int>& values = call.Ids("values");
  const size_t comma = text.find(','), arrow = text.find("->");
  call.Check(values.size() == 2 && comma < arrow && arrow != std::string::npos, "equation",
             "two operands and a result", "'" + text + "'");
  Equation equation;
  equation.x = text.substr(0, comma);
  equation.y = text.substr(comma + 1, arrow - comma - 1);
  equation.out = text.substr(arrow + 2);
  const std::string* labels[] = {&equation.x, &equation.y};
  for (size_t v = 0; v < 2; ++v) {
    const Shape& shape = call.TypeOf(values[v]).shape;
    call.Check(labels[v]->size() == shape.size(), "equation",
               "a letter per dimension of " + ShapeText(shape), "'" + *labels[v] + "'");
    for (size_t i = 0; i < shape.size(); ++i) {
      const char label = (*labels[v])[i];
      const bool letter = (label >= 'a' && label <= 'z') || (label >= 'A' && label <= 'Z');
      const auto [found, added] = equation.sizes.emplace(label, shape[i]);
      call.Check(letter && (added || found->second == shape[i]), "equation",
                 "letters with one size each", "'" + text + "'");
      const bool kept = equation.out.find(label) != std::string::npos;
      if (added && !kept) equation.contracted += label;
    }
  }
  for (size_t i = 0; i < equation.out.size(); ++i) {
    const char label = equation.out[i];
    call.Check(equation.sizes.count(label) == 1 && equation.out.find(label) == i, "equation",
               "every letter of the result once and in an operand", "'" + text + "'");
  }
  call.Check(call.TypeOf(values[0]).dtype == call.TypeOf(values[1]).dtype, "values",
             "one element type", "two");
  return equation;
}

std::vector<TensorType> Infer(const OpCall& call) {
  const Equation equation = Read(call);
  Shape shape;
  for (char label : equation.out) shape.push_back(equation.sizes.at(label));
  call.Check(shape.size() <= size_t(kMaxRank) && equation.contracted.size() <= size_t(kMaxRank),
             "equation", "at most 8 dimensions", equation.out);
  return {{call.TypeOf(call.Ids("values")[0]).dtype, 0, shape}};
}

// The operand seen along `labels`: stride 0 where it lacks one, the diagonal where it has one
// twice.
Shape Strides(const View& operand, const std::string& own, const std::string& labels) {
  Shape strides(labels.size(), 0);
  for (size_t i = 0; i < labels.size(); ++i) {
    for (size_t k = 0; k < own.size(); ++k) {
      if (own[k] == labels[i]) strides[i] += operand.strides[k];
    }
  }
  return strides;
}

void Lower(const OpCall& call, Lowering& lowering) {
  const Equation equation = Read(call);
  const std::vector<int>& values = call.Ids("values");
  const View operands[] = {lowering.In(values[0]), lowering.In(values[1])};
  const View x = operands[0], y = operands[1], out = lowering.Out(call.Result());
  // A leading dimension of size 1 stands in for an empty list of labels.
  Shape outer = {1}, inner = {1}, x_outer = {0}, x_inner = {0}, y_outer = {0}, y_inner = {0},
        to = {0};
  const auto append = [](Shape* shape, const Shape& more) {
    shape->insert(shape->end(), more.begin(), more.end());
  };
  append(&outer, out.shape);
  for (char label : equation.contracted) inner.push_back(equation.sizes.at(label));
  append(&to, out.strides);
  append(&x_outer, Strides(x, equation.x, equation.out));
  append(&y_outer, Strides(y, equation.y, equation.out));
  append(&x_inner, Strides(x, equation.x, equation.contracted));
  append(&y_inner, Strides(y, equation.y, equation.contracted));
  lowering.AddFlops(2 * ElementCount(outer) * ElementCount(inner));
  lowering.Emit({x, y, out}, [=](const RunContext& context) -> const char* {
    const auto body = [&](int64_t begin, int64_t end) {
      for (int64_t flat = begin; flat < end; ++flat) {
        const RowCursor x_at(outer, x_outer, flat), y_at(outer, y_outer, flat),
            out_at(outer, to, flat);
        RowCursor x_step(inner, x_inner, 0), y_step(inner, y_inner, 0);
        double sum = 0;
        for (int64_t k = 0; k < ElementCount(inner); ++k, x_step.Advance(1), y_step.Advance(1)) {
          sum += LoadDouble(context.Data(x), x.dtype, x_at.offset() + x_step.offset()) *
                 LoadDouble(context.Data(y), y.dtype, y_at.offset() + y_step.offset());
        }
        StoreDouble(context.Data(out), out.dtype, out_at.offset(), sum);
      }
    };
    context.pool.ParallelFor(ElementCount(outer), 64, std::ref(body));
    return nullptr;
  });
}

constexpr OpRow kRows[] = {{"einsum", "values* equation", Infer, Lower}};

}  // namespace

std::span<const OpRow> EinsumRows() { return kRows; }

}  // namespace ane::engine
