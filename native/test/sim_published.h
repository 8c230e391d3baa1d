// Published times of the Neural Engine (reference-figures.md) and what the programs asked of it.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

namespace sim_test {

struct Work {
  double convolution_flops = 0, matmul_flops = 0, surface_bytes = 0, weight_bytes = 0,
         layout_bytes = 0, largest_operation = 0, operations = 0, columns = 0;
  Work operator+(const Work& o) const {
    return {convolution_flops + o.convolution_flops,
            matmul_flops + o.matmul_flops,
            surface_bytes + o.surface_bytes,
            weight_bytes + o.weight_bytes,
            layout_bytes + o.layout_bytes,
            std::max(largest_operation, o.largest_operation),
            operations + o.operations,
            std::max(columns, o.columns)};
  }
  Work operator/(double n) const {
    return {convolution_flops / n, matmul_flops / n,  surface_bytes / n, weight_bytes / n,
            layout_bytes / n,      largest_operation, operations / n,    columns};
  }
};

// C channels to C channels n times, over S columns; the benchmark uses one weight file for all.
inline Work Stack(double n, double C, double S) {
  return {2 * C * C * S * n, 0, 4 * C * S, 2 * C * C, 0, 2 * C * C + 4 * C * S, n, S};
}
inline double Milliseconds(const Work& work, double tflops) {
  return (work.convolution_flops + work.matmul_flops) / tflops / 1e9;
}

// Feed-forward layers with gate, weights baked. D hidden size, H intermediate size.
inline Work FeedForward(double D, double H, double S, double layers) {
  return {6 * D * H * S * layers, 0, 4 * D * S, 6 * D * H * layers, 0, 2 * D * H, 7 * layers, S};
}
inline Work Transformer(double D, double H, double S, double layers) {
  return {(8 * D * D + 6 * D * H) * S * layers,
          4 * S * S * D * layers,
          4 * D * S,
          (8 * D * D + 6 * D * H) * layers,
          20 * D * S * layers,
          2 * D * H,
          40 * layers,
          S};
}

// The static pipeline's forward kernels of a layer, mean of the two, with the extra outputs that
// its backward kernels need.
inline Work StaticForward(double D, double H, double S) {
  const Work attention{
      8 * D * D * S, 4 * S * S * D, 2 * S * 7 * D, 8 * D * D, 2 * S * 14 * D, 2 * D * D, 30, S};
  const Work feed_forward{6 * D * H * S,
                          0,
                          2 * S * (3 * D + 3 * H),
                          6 * D * H,
                          2 * S * (2 * D + 3 * H),
                          2 * D * H,
                          12,
                          S};
  return (attention + feed_forward) / 2;
}
// The dynamic pipeline's three, weights beside the activations.
inline Work DynamicForward(double D, double H, double S) {
  const Work attention{0,
                       6 * S * D * D + 4 * S * S * D,
                       2 * (D * (S + 3 * D) + 5 * D * S),
                       0,
                       2 * (3 * D * D + 16 * D * S),
                       4 * D * D,
                       60,
                       S};
  const Work output{
      0, 2 * S * D * D, 2 * (D * (S + D) + D * S), 0, 2 * (D * D + 3 * D * S), 4 * D * D, 8, S};
  const Work feed_forward{0,
                          6 * S * D * H,
                          2 * (D * (2 * S + 3 * H) + (D + 3 * H) * S),
                          0,
                          2 * (4 * D * H + 4 * D * S + 6 * H * S),
                          4 * D * H,
                          30,
                          S};
  return (attention + output + feed_forward) / 3;
}

// What the model owes to a row: a number of the chip's table, the shape of the formula, or nothing.
inline constexpr const char *kNumber = "number", *kShape = "shape", *kNothing = "";

struct Row {
  const char* chip;
  std::string what;
  Work work;
  double published;  // ms
  const char* fitted;
};

inline void AddStacks(std::vector<Row>* rows) {
  const auto stack = [&](const char* chip, double n, double C, double columns, double tflops,
                         const char* fitted = kNothing) {
    const Work work = Stack(n, C, columns);
    rows->push_back({chip,
                     std::to_string(int(n)) + " × conv " + std::to_string(int(C)) + " channels, " +
                         std::to_string(int(columns)) + " columns",
                     work, Milliseconds(work, tflops), fitted});
  };
  stack("m4", 32, 512, 64, 6.73, kNumber), stack("m4", 64, 512, 64, 9.63, kNumber);
  stack("m4", 128, 512, 64, 11.74, kNumber);
  stack("m4", 64, 384, 64, 7.43), stack("m4", 128, 384, 64, 10.5);
  stack("m4", 64, 256, 64, 4.34), stack("m4", 128, 256, 64, 7.03), stack("m4", 256, 256, 64, 9.75);
  stack("m4", 1, 256, 64, 0.08), stack("m4", 1, 512, 64, 0.40), stack("m4", 1, 1024, 64, 1.15);
  stack("m4", 1, 2048, 64, 2.27), stack("m4", 1, 3072, 64, 2.87), stack("m4", 1, 4096, 64, 2.12);
  stack("m4", 128, 512, 4096, 18.6, kNumber), stack("m4", 64, 512, 4096, 18.4);
  stack("m4-pro", 128, 512, 64, 12.57), stack("m4-max", 128, 512, 64, 10.93);
  stack("m5", 128, 512, 64, 12.44), stack("m5-max", 128, 512, 4096, 19.27, kNumber);
  stack("m3-pro", 128, 512, 64, 9.98), stack("m3-pro", 128, 512, 2048, 16.77, kNumber);
  stack("m3-ultra", 32, 512, 64, 3.82, kNumber), stack("m3-ultra", 64, 512, 64, 6.86, kNumber);
  stack("m3-ultra", 96, 512, 64, 8.47, kNumber);
}

// Layers in one program against the same layers in one or two programs each, on M1 Pro.
struct Fusion {
  std::string what;
  double layers, programs;       // of one layer when separate
  Work separate, fused;          // one program each
  double separate_ms, fused_ms;  // published
  const char* fitted;
};

inline std::vector<Fusion> Fusions() {
  std::vector<Fusion> all;
  const auto feed_forward = [&](double D, double H, double S, double one, double twelve,
                                const char* fitted) {
    all.push_back({"feed-forward " + std::to_string(int(D)) + "/" + std::to_string(int(H)) + ", " +
                       std::to_string(int(S)) + " columns",
                   12, 1, FeedForward(D, H, S, 1), FeedForward(D, H, S, 12), one, twelve, fitted});
  };
  feed_forward(64, 128, 64, 0.183, 0.247, kNumber);
  feed_forward(128, 256, 64, 0.160, 0.344, kNothing);
  feed_forward(288, 768, 64, 0.218, 0.705, kNothing);
  feed_forward(288, 768, 128, 0.228, 0.654, kNothing);
  feed_forward(768, 2048, 64, 0.429, 1.839, kShape);
  const auto transformer = [&](double D, double H, double layers, double separate, double fused) {
    all.push_back({"transformer " + std::to_string(int(D)), layers, 2, StaticForward(D, H, 64),
                   Transformer(D, H, 64, layers), separate, fused, kShape});
  };
  transformer(288, 768, 6, 0.253, 0.728);
  transformer(768, 2048, 4, 0.634, 1.978);
  transformer(768, 2048, 8, 0.634, 3.515);
  transformer(768, 2048, 12, 0.634, 5.081);
  return all;
}

inline void AddFusions(std::vector<Row>* rows) {
  const auto add = [&](const std::string& what, const Work& work, double ms, const char* fitted) {
    const bool known =
        std::any_of(rows->begin(), rows->end(), [&](const Row& row) { return row.what == what; });
    if (!known) rows->push_back({"m1-pro", what, work, ms, fitted});
  };
  for (const Fusion& f : Fusions()) {
    add(f.what + (f.programs == 1 ? ", 1 layer" : ", half a layer"), f.separate, f.separate_ms,
        f.fitted);
    add(f.what + ", " + std::to_string(int(f.layers)) + " layers fused", f.fused, f.fused_ms,
        f.fitted);
  }
}

inline std::vector<Row> Rows() {
  std::vector<Row> rows;
  AddStacks(&rows);
  AddFusions(&rows);
  const Work half_layer = StaticForward(768, 2048, 256);
  const struct {
    const char* chip;
    double forward_ms;
  } steps[] = {{"m4", 9.6}, {"m4-max", 10.2}, {"m5", 9.45}, {"m3-ultra", 10.0}, {"m1-pro", 33.3}};
  for (const auto& step : steps)
    rows.push_back({step.chip, "Stories110M static forward, mean of 24 kernels", half_layer,
                    step.forward_ms / 24, kNothing});
  rows.push_back({"m4", "Stories110M dynamic forward, mean of 36 kernels",
                  DynamicForward(768, 2048, 256), 21.0 / 36, kNothing});
  rows.push_back({"m4-max",
                  "one addition, 256 channels, 64 columns",
                  {0, 0, 98304, 0, 0, 98304, 1, 64},
                  0.223,
                  kNothing});
  return rows;
}

}  // namespace sim_test
