// The cost model against published figures (reference-figures.md). ANE_SIM_PRINT=1 prints the table
// of docs/ane-simulator.md.
#include <algorithm>
#include <cmath>

#include "check.h"
#include "sim_model.h"
#include "sim_published.h"

using namespace sim_test;

namespace {

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

double ModelledMilliseconds(const char* chip, const Work& work) {
  return NumberIn(Ask(chip, work), "milliseconds");
}

bool Printing() { return std::getenv("ANE_SIM_PRINT") != nullptr; }

void PrintSummary(const char* which, std::vector<double> errors) {
  std::sort(errors.begin(), errors.end());
  std::printf("%s: %zu rows, median %.1f %%, nine tenths within %.0f %%, worst %.0f %%\n", which,
              errors.size(), 100 * errors[errors.size() / 2], 100 * errors[errors.size() * 9 / 10],
              100 * errors.back());
}

}  // namespace

TEST(agrees_with_published_figures_within_the_documented_errors) {
  // C-130: dispatches of M4 and M1 Pro are among the rows.
  std::vector<double> all, predicted;
  for (const Row& row : Rows()) {
    const double modelled = ModelledMilliseconds(row.chip, row.work);
    const double error = modelled / row.published - 1;
    if (Printing())
      std::printf("| %s | %s | %.3f | %.3f | %+.0f %% | %s |\n", row.chip, row.what.c_str(),
                  row.published, modelled, 100 * error, row.fitted);
    all.push_back(std::fabs(error));
    if (row.fitted == kNothing) predicted.push_back(std::fabs(error));
  }
  if (Printing()) PrintSummary("all", all), PrintSummary("predicted", predicted);
  std::sort(all.begin(), all.end());
  EXPECT(all[all.size() / 2] < 0.10);
  EXPECT(all[all.size() * 9 / 10] < 0.30);
  EXPECT(all.back() < 0.60);
}

TEST(gains_from_fusing_layers_as_published) {
  for (const Fusion& f : Fusions()) {
    const double programs = f.layers * f.programs,
                 published = programs * f.separate_ms / f.fused_ms,
                 modelled = programs * ModelledMilliseconds("m1-pro", f.separate) /
                            ModelledMilliseconds("m1-pro", f.fused);
    if (Printing())
      std::printf("| %s | %d | %.1f | %.1f | %+.0f %% |\n", f.what.c_str(), int(f.layers),
                  published, modelled, 100 * (modelled / published - 1));
    EXPECT(std::fabs(modelled / published - 1) < 0.30);
  }
}

TEST(hides_weights_behind_work_except_the_first_half_of_the_on_chip_memory) {
  Work work = Stack(1, 1024, 64);
  work.weight_bytes = 8e6;
  const double small = NumberIn(Ask("m4", work), "weights_ms");
  work.weight_bytes = 16.0 * 1024 * 1024;
  const double full = NumberIn(Ask("m4", work), "weights_ms");
  work.weight_bytes *= 4;
  const double waiting = NumberIn(Ask("m4", work), "weights_ms");
  work.convolution_flops *= 1000;
  const double hidden = NumberIn(Ask("m4", work), "weights_ms");
  EXPECT(std::fabs(small / full - 8e6 / (16.0 * 1024 * 1024)) < 1e-9);
  EXPECT(waiting > 2 * full);
  EXPECT(hidden == full);
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
  // C-63.
  Work work = Stack(1, 1024, 64);
  const double fits = NumberIn(Ask("m4", work), "compute_ms");
  work.largest_operation = 64e6;
  EXPECT(std::fabs(NumberIn(Ask("m4", work), "compute_ms") / fits - 1 / 0.7) < 0.01);
}
