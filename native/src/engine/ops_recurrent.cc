// The row of lstm. Legend: S steps, B batch, I input size, H hidden size; gates in the order i, f,
// o, z.
#include <cmath>

#include "engine/elements.h"
#include "engine/lowering.h"
#include "engine/op_row.h"

namespace ane::engine {
namespace {

struct Direction {
  View weight_ih, weight_hh, bias;
  bool has_bias, backward;
};

std::vector<TensorType> Infer(const OpCall& call) {
  const Shape &x = call.ShapeOf("x"), &hh = call.ShapeOf("weight_hh"),
              &ih = call.ShapeOf("weight_ih");
  const std::string direction = call.Text("direction", "forward");
  const bool both = direction == "bidirectional";
  call.Check(both || direction == "forward" || direction == "reverse", "direction", "a direction",
             direction);
  call.Check(!call.Has("peephole") && !call.Has("clip") && !call.Has("peephole_back"), "x",
             "no peephole and no clip", "one");
  for (const auto& [name, standard] : {std::pair{"recurrent_activation", "sigmoid"},
                                       {"cell_activation", "tanh"},
                                       {"activation", "tanh"}}) {
    const std::string got = call.Text(name, standard);
    call.Check(got == standard, name, standard, got);
  }
  call.Check(x.size() == 3, "x", "[steps, batch, size]", ShapeText(x));
  call.Check(hh.size() == 2 && hh[0] == 4 * hh[1], "weight_hh", "[4 H, H]", ShapeText(hh));
  call.Check(ih == Shape{hh[0], x[2]}, "weight_ih", "[4 H, input size]", ShapeText(ih));
  const int64_t hidden = hh[1], width = both ? 2 * hidden : hidden;
  if (call.Has("bias"))
    call.Check(call.ShapeOf("bias") == Shape{4 * hidden}, "bias", "[4 H]",
               ShapeText(call.ShapeOf("bias")));
  if (both) {
    call.Check(call.ShapeOf("weight_ih_back") == ih, "weight_ih_back", "[4 H, input size]",
               ShapeText(call.ShapeOf("weight_ih_back")));
    call.Check(call.ShapeOf("weight_hh_back") == hh, "weight_hh_back", "[4 H, H]",
               ShapeText(call.ShapeOf("weight_hh_back")));
    if (call.Has("bias_back"))
      call.Check(call.ShapeOf("bias_back") == Shape{4 * hidden}, "bias_back", "[4 H]",
                 ShapeText(call.ShapeOf("bias_back")));
  }
  for (const char* name : {"initial_h", "initial_c"}) {
    call.Check(call.ShapeOf(name) == Shape{x[1], width}, name,
               "[batch, " + std::to_string(width) + "]", ShapeText(call.ShapeOf(name)));
  }
  const Dtype dtype = call.Type("x").dtype;
  const int64_t steps = call.Bool("output_sequence", false) ? x[0] : 1;
  return {{dtype, 0, {steps, x[1], width}}, {dtype, 0, {x[1], width}}, {dtype, 0, {x[1], width}}};
}

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

void Lower(const OpCall& call, Lowering& lowering) {
  const View x = lowering.In(call.Id("x")), h0 = lowering.In(call.Id("initial_h")),
             c0 = lowering.In(call.Id("initial_c"));
  const View out = lowering.Out(call.Result(0)), last_h = lowering.Out(call.Result(1)),
             last_c = lowering.Out(call.Result(2));
  const std::string direction = call.Text("direction", "forward");
  const auto read = [&](const std::string& suffix, bool backward) {
    const bool bias = call.Has("bias" + suffix);
    const View hh = lowering.In(call.Id("weight_hh" + suffix));
    return Direction{lowering.In(call.Id("weight_ih" + suffix)), hh,
                     bias ? lowering.In(call.Id("bias" + suffix)) : hh, bias, backward};
  };
  std::vector<Direction> directions = {read("", direction == "reverse")};
  if (direction == "bidirectional") directions.push_back(read("_back", true));
  const int64_t steps = x.shape[0], batch = x.shape[1], inputs = x.shape[2],
                hidden = directions[0].weight_hh.shape[1];
  const int64_t width = hidden * int64_t(directions.size());
  const bool sequence = call.Bool("output_sequence", false);
  const View h = lowering.Temp(Dtype::kFp64, {2, hidden}),
             c = lowering.Temp(Dtype::kFp64, {hidden});
  std::vector<View> views = {x, h0, c0, out, last_h, last_c, h, c};
  for (const Direction& d : directions)
    views.insert(views.end(), {d.weight_ih, d.weight_hh, d.bias});
  lowering.Emit(views, [=](const RunContext& context) -> const char* {
    const Elements xs(context, x), first_h(context, h0), first_c(context, c0), to(context, out);
    const Elements to_h(context, last_h), to_c(context, last_c);
    double* cell = context.Data<double>(c);
    for (size_t d = 0; d < directions.size(); ++d) {
      const Elements ih(context, directions[d].weight_ih), hh(context, directions[d].weight_hh),
          bias(context, directions[d].bias);
      const auto gate = [&](int64_t row, int64_t step, int64_t b, const double* state) {
        double sum = directions[d].has_bias ? bias.Get(row) : 0;
        for (int64_t i = 0; i < inputs; ++i)
          sum += ih.Get(row * inputs + i) * xs.Get((step * batch + b) * inputs + i);
        for (int64_t i = 0; i < hidden; ++i) sum += hh.Get(row * hidden + i) * state[i];
        return sum;
      };
      for (int64_t b = 0; b < batch; ++b) {
        double* state = context.Data<double>(h);
        double* next = state + hidden;
        const int64_t column = b * width + int64_t(d) * hidden;
        for (int64_t i = 0; i < hidden; ++i) {
          state[i] = first_h.Get(column + i);
          cell[i] = first_c.Get(column + i);
        }
        for (int64_t t = 0; t < steps; ++t) {
          const int64_t step = directions[d].backward ? steps - 1 - t : t;
          for (int64_t i = 0; i < hidden; ++i) {
            const double in = Sigmoid(gate(i, step, b, state)),
                         forget = Sigmoid(gate(hidden + i, step, b, state));
            const double expose = Sigmoid(gate(2 * hidden + i, step, b, state));
            const double candidate = std::tanh(gate(3 * hidden + i, step, b, state));
            cell[i] = forget * cell[i] + in * candidate;
            next[i] = expose * std::tanh(cell[i]);
          }
          std::swap(state, next);
          for (int64_t i = 0; sequence && i < hidden; ++i)
            to.Set(step * batch * width + column + i, state[i]);
        }
        for (int64_t i = 0; i < hidden; ++i) {
          to_h.Set(column + i, state[i]);
          to_c.Set(column + i, cell[i]);
          if (!sequence) to.Set(column + i, state[i]);
        }
      }
    }
    return nullptr;
  });
}

constexpr OpRow kRows[] = {
    {"lstm",
     "x initial_h initial_c weight_ih weight_hh bias? peephole? weight_ih_back? "
     "weight_hh_back? bias_back? "
     "peephole_back? direction? output_sequence? recurrent_activation? cell_activation? "
     "activation? clip?",
     Infer, Lower}};

}  // namespace

std::span<const OpRow> RecurrentRows() { return kRows; }

}  // namespace ane::engine
