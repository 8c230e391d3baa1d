// The cost model against published figures (reference-figures.md). ANE_SIM_PRINT=1 prints the table
// of docs/ane-simulator.md.
#include <algorithm>
#include <cmath>

#include "check.h"
#include "sim_model.h"

using namespace sim_test;

namespace {

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

std::string Modelled(const std::string& request) {
  char answer[4096];
  const int length = Symbol<int(const char*, char*, size_t)>("ane_simulator_model")(
      request.c_str(), answer, sizeof answer);
  return length < 0 || size_t(length) >= sizeof answer ? "" : answer;
}

std::string Ask(const std::string& chip, const Work& w) {
  char request[512];
  std::snprintf(
      request, sizeof request,
      "{\"chip\":\"%s\",\"convolution_flops\":%.17g,\"matmul_flops\":%.17g,\"surface_bytes\":%.17g,"
      "\"weight_bytes\":%.17g,\"layout_bytes\":%.17g,\"largest_operation\":%.17g,\"operations\":%."
      "17g,\"columns\":%.17g}",
      chip.c_str(), w.convolution_flops, w.matmul_flops, w.surface_bytes, w.weight_bytes,
      w.layout_bytes, w.largest_operation, w.operations, w.columns);
  return Modelled(request);
}

// C channels to C channels n times, over S columns; the benchmark uses one weight file for all.
Work Stack(double n, double C, double S) {
  return {2 * C * C * S * n, 0, 4 * C * S, 2 * C * C, 0, 2 * C * C + 4 * C * S, n, S};
}
double Milliseconds(const Work& work, double tflops) {
  return (work.convolution_flops + work.matmul_flops) / tflops / 1e9;
}

// Feed-forward layers with gate, weights baked. D hidden size, H intermediate size.
Work FeedForward(double D, double H, double S, double layers) {
  return {6 * D * H * S * layers, 0, 4 * D * S, 6 * D * H * layers, 0, 2 * D * H, 7 * layers, S};
}
Work Transformer(double D, double H, double S, double layers) {
  return {(8 * D * D + 6 * D * H) * S * layers,
          4 * S * S * D * layers,
          4 * D * S,
          (8 * D * D + 6 * D * H) * layers,
          20 * D * S * layers,
          2 * D * H,
          40 * layers,
          S};
}

// Stories110M.
constexpr double D = 768, H = 2048, S = 256;
// The static pipeline's two forward kernels of a layer, with their extra outputs.
Work StaticForward() {
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
Work DynamicForward() {
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

struct Row {
  const char* chip;
  std::string what;
  Work work;
  double published;  // ms
};

std::vector<Row> Rows() {
  std::vector<Row> rows;
  const auto stack = [&](const char* chip, double n, double C, double columns, double tflops) {
    const Work work = Stack(n, C, columns);
    rows.push_back({chip,
                    std::to_string(int(n)) + " × conv " + std::to_string(int(C)) + " channels, " +
                        std::to_string(int(columns)) + " columns",
                    work, Milliseconds(work, tflops)});
  };
  stack("m4", 32, 512, 64, 6.73), stack("m4", 64, 512, 64, 9.63), stack("m4", 128, 512, 64, 11.74);
  stack("m4", 64, 384, 64, 7.43), stack("m4", 128, 384, 64, 10.5);
  stack("m4", 64, 256, 64, 4.34), stack("m4", 128, 256, 64, 7.03), stack("m4", 256, 256, 64, 9.75);
  stack("m4", 1, 256, 64, 0.08), stack("m4", 1, 512, 64, 0.40), stack("m4", 1, 1024, 64, 1.15);
  stack("m4", 1, 2048, 64, 2.27), stack("m4", 1, 3072, 64, 2.87), stack("m4", 1, 4096, 64, 2.12);
  stack("m4", 128, 512, 4096, 18.6), stack("m4", 64, 512, 4096, 18.4);
  stack("m4-pro", 128, 512, 64, 12.57), stack("m4-max", 128, 512, 64, 10.93);
  stack("m5", 128, 512, 64, 12.44), stack("m5-max", 128, 512, 4096, 19.27);
  stack("m3-pro", 128, 512, 64, 9.98), stack("m3-pro", 128, 512, 2048, 16.77);
  stack("m3-ultra", 32, 512, 64, 3.82), stack("m3-ultra", 64, 512, 64, 6.86),
      stack("m3-ultra", 96, 512, 64, 8.47);
  const struct {
    double D, H, S, one, twelve;
  } layers[] = {{64, 128, 64, 0.183, 0.247},
                {128, 256, 64, 0.160, 0.344},
                {288, 768, 64, 0.218, 0.705},
                {288, 768, 128, 0.228, 0.654},
                {768, 2048, 64, 0.429, 1.839}};
  for (const auto& l : layers) {
    const std::string what = "feed-forward " + std::to_string(int(l.D)) + "/" +
                             std::to_string(int(l.H)) + ", " + std::to_string(int(l.S)) +
                             " columns, ";
    rows.push_back({"m1-pro", what + "1 layer", FeedForward(l.D, l.H, l.S, 1), l.one});
    rows.push_back({"m1-pro", what + "12 fused", FeedForward(l.D, l.H, l.S, 12), l.twelve});
  }
  rows.push_back(
      {"m1-pro", "transformer 288, 6 layers fused", Transformer(288, 768, 64, 6), 0.728});
  rows.push_back(
      {"m1-pro", "transformer 768, 4 layers fused", Transformer(768, 2048, 64, 4), 1.978});
  rows.push_back(
      {"m1-pro", "transformer 768, 8 layers fused", Transformer(768, 2048, 64, 8), 3.515});
  rows.push_back(
      {"m1-pro", "transformer 768, 12 layers fused", Transformer(768, 2048, 64, 12), 5.081});
  rows.push_back(
      {"m4", "Stories110M static forward, mean of 24 kernels", StaticForward(), 9.6 / 24});
  rows.push_back(
      {"m4-max", "Stories110M static forward, mean of 24 kernels", StaticForward(), 10.2 / 24});
  rows.push_back(
      {"m5", "Stories110M static forward, mean of 24 kernels", StaticForward(), 9.45 / 24});
  rows.push_back(
      {"m3-ultra", "Stories110M static forward, mean of 24 kernels", StaticForward(), 10.0 / 24});
  rows.push_back(
      {"m1-pro", "Stories110M static forward, mean of 24 kernels", StaticForward(), 33.3 / 24});
  rows.push_back(
      {"m4", "Stories110M dynamic forward, mean of 36 kernels", DynamicForward(), 21.0 / 36});
  rows.push_back({"m4-max",
                  "one addition, 256 channels, 64 columns",
                  {0, 0, 98304, 0, 0, 98304, 1, 64},
                  0.223});
  return rows;
}

}  // namespace

TEST(agrees_with_published_figures_within_the_documented_errors) {
  std::vector<double> errors;
  const bool print = std::getenv("ANE_SIM_PRINT") != nullptr;
  for (const Row& row : Rows()) {
    const double modelled = NumberIn(Ask(row.chip, row.work), "milliseconds");
    const double error = modelled / row.published - 1;
    if (print)
      std::printf("| %s | %s | %.3f | %.3f | %+.0f %% |\n", row.chip, row.what.c_str(),
                  row.published, modelled, 100 * error);
    errors.push_back(std::fabs(error));
  }
  std::sort(errors.begin(), errors.end());
  if (print)
    std::printf("median %.1f %%, nine tenths within %.0f %%, worst %.0f %%\n",
                100 * errors[errors.size() / 2], 100 * errors[errors.size() * 9 / 10],
                100 * errors.back());
  EXPECT(errors[errors.size() / 2] < 0.10);
  EXPECT(errors[errors.size() * 9 / 10] < 0.40);
  EXPECT(errors.back() < 0.90);
}

TEST(gains_from_fusing_layers_as_published) {
  const auto gain = [](double dim, double hidden, double layers) {
    const auto ms = [](const Work& work) { return NumberIn(Ask("m1-pro", work), "milliseconds"); };
    return 2 * layers * ms(Transformer(dim, hidden, 64, 1) / 2) /
           ms(Transformer(dim, hidden, 64, layers));
  };
  if (std::getenv("ANE_SIM_PRINT") != nullptr)
    std::printf("fusing: %.2f (published 4.17), %.2f (3.00)\n", gain(288, 768, 6),
                gain(768, 2048, 12));
  EXPECT(gain(288, 768, 6) > 2.5);
  EXPECT(gain(768, 2048, 12) > 1.4);
}

TEST(reads_costs_from_text) {
  const std::string text = Program(
      "tensor<fp16, [1, 4, 64, 32]> a, tensor<fp16, [1, 4, 64, 32]> b",
      "bool no = const()[name = string(\\\"no\\\"), val = bool(false)];"
      "bool yes = const()[name = string(\\\"yes\\\"), val = bool(true)];"
      "tensor<fp16, [1, 4, 64, 64]> r = matmul(x = a, y = b, transpose_x = no, transpose_y = "
      "yes)[name = string(\\\"r\\\")];",
      "r");
  std::string flat = text;
  std::replace(flat.begin(), flat.end(), '\n', ' ');
  const std::string answer = Modelled("{\"chip\":\"m4\",\"text\":\"" + flat + "\"}");
  EXPECT(NumberIn(answer, "matmul_flops") == 2.0 * 4 * 64 * 64 * 32);
  EXPECT(NumberIn(answer, "surface_bytes") == 2.0 * (2 * 4 * 64 * 32 + 4 * 64 * 64));
  EXPECT(NumberIn(answer, "operations") == 1);
  EXPECT(Mentions(answer, "\"modelled\":true"));
  EXPECT(Mentions(Modelled("{\"chip\":\"m4\",\"text\":\"nonsense\"}"), "error"));
  EXPECT(Mentions(Modelled("{\"chip\":\"m0\"}"), "error"));
}

TEST(is_slower_when_an_operation_exceeds_the_on_chip_memory) {
  Work work = Stack(1, 1024, 64);
  const double fits = NumberIn(Ask("m4", work), "compute_ms");
  work.largest_operation = 64e6;
  EXPECT(std::fabs(NumberIn(Ask("m4", work), "compute_ms") / fits - 1 / 0.7) < 0.01);
}
