#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "host_kernel_fixture.h"

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Operands of one call and what they must become, computed in double precision from the definition.
struct Case {
  Tensor in, table, targets, loss, scale, logits, din, dtable, squares;
  double expected_loss = 0;
  std::vector<double> dlogits;  // [S, V]

  Case(int64_t C, int64_t S, int64_t V, int64_t width, int64_t blocks, Layout layout = Layout::kRows,
       Dtype type = Dtype::kFp32)
      : in(type, C, S, layout, 1),
        table(type, V, C, layout, 2),
        targets(Dtype::kInt32, 1, S),
        loss(Dtype::kFp64, 1, 2),
        scale(Dtype::kFp64, 1, 1),
        logits(Dtype::kFp32, blocks * S, width),
        din(Dtype::kFp32, C, S, layout, 3),
        dtable(Dtype::kFp32, V, C, layout, 4),
        squares(Dtype::kFp64, 1, V, layout, 5) {
    scale.Set(0, 0, 1024);
    for (int64_t s = 0; s < S; ++s) targets.Set(0, s, s % 4 == 2 ? -1 : static_cast<double>(s * 5 % V));
  }

  KernelOperands Operands(bool backward, bool accumulate) const {
    KernelOperands operands = {{{"in", {in.view}},
                                {"table", {table.view}},
                                {"targets", {targets.view}},
                                {"loss", {loss.view}},
                                {"scale", {scale.view}},
                                {"logits", {logits.view}}},
                               {{"accumulate", accumulate ? 1.0 : 0.0}}};
    if (backward) {
      operands.views["din"] = {din.view};
      operands.views["dtable"] = {dtable.view};
      operands.views["squares"] = {squares.view};
    }
    return operands;
  }

  void Expect() {
    const int64_t C = in.view.rows, S = in.view.cols, V = table.view.rows;
    dlogits.assign(S * V, 0);
    double count = 0;
    for (int64_t s = 0; s < S; ++s) count += targets.Get(0, s) >= 0;
    for (int64_t s = 0; s < S; ++s) {
      const int64_t target = static_cast<int64_t>(targets.Get(0, s));
      if (target < 0) continue;
      double largest = -kInfinity, sum = 0;
      double* row = dlogits.data() + s * V;
      for (int64_t v = 0; v < V; ++v) {
        for (int64_t c = 0; c < C; ++c) row[v] += in.Get(c, s) * table.Get(v, c);
        largest = std::max(largest, row[v]);
      }
      for (int64_t v = 0; v < V; ++v) sum += std::exp(row[v] - largest);
      expected_loss += std::log(sum) + largest - row[target];
      for (int64_t v = 0; v < V; ++v) {
        row[v] = (std::exp(row[v] - largest) / sum - (v == target ? 1 : 0)) * 1024 / count;
      }
    }
  }

  double Din(int64_t c, int64_t s) const {
    double sum = 0;
    for (int64_t v = 0; v < table.view.rows; ++v) sum += dlogits[s * table.view.rows + v] * table.Get(v, c);
    return sum;
  }
  double Dtable(int64_t v, int64_t c) const {
    double sum = 0;
    for (int64_t s = 0; s < in.view.cols; ++s) sum += dlogits[s * table.view.rows + v] * in.Get(c, s);
    return sum;
  }
};

}  // namespace

TEST(classifier_loss_gives_the_loss_and_both_gradients) {
  for (const auto& [C, S, V, width] : {std::array<int64_t, 4>{1, 1, 1, 1}, {3, 1, 17, 5}, {7, 5, 3, 9}, {33, 17, 257, 64},
                                       {64, 33, 600, 255}, {16, 4, 5000, 2048}}) {
    for (Layout layout : kLayouts) {
      for (Dtype type : kTypes) {
        for (const bool accumulate : {false, true}) {
          Case given(C, S, V, width, 2, layout, type);
          const Tensor before = given.dtable;
          given.Expect();
          Run("classifier_loss", given.Operands(true, accumulate));
          EXPECT(std::abs(given.loss.Get(0, 0) - given.expected_loss) < 1e-5 * (1 + given.expected_loss));
          EXPECT(given.loss.Get(0, 1) == static_cast<double>(S - (S + 1) / 4));
          EXPECT(Near(given.din, 1e-4, [&](int64_t c, int64_t s) { return given.Din(c, s); }));
          EXPECT(Near(given.dtable, 1e-4, [&](int64_t v, int64_t c) {
            return given.Dtable(v, c) + (accumulate ? before.Get(v, c) : 0);
          }));
          EXPECT(Near(given.squares, 1e-12, [&](int64_t, int64_t v) {
            double sum = 0;
            for (int64_t c = 0; c < C; ++c) sum += given.dtable.Get(v, c) * given.dtable.Get(v, c);
            return sum;
          }));
        }
      }
    }
  }
}

TEST(classifier_loss_never_depends_on_threads_or_on_how_many_blocks_are_kept) {
  const Case first(40, 21, 700, 64, 1);
  Run("classifier_loss", first.Operands(true, false));
  for (int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    for (int64_t blocks : {1, 2, 5, 11, 12}) {
      const Case given(40, 21, 700, 64, blocks);
      FindHostKernel("classifier_loss")->run(given.Operands(true, false), {pool, true});
      EXPECT(given.loss.bytes == first.loss.bytes && given.din.bytes == first.din.bytes);
      EXPECT(given.dtable.bytes == first.dtable.bytes && given.squares.bytes == first.squares.bytes);
    }
  }
}

TEST(classifier_loss_alone_leaves_gradients_out) {
  const Case both(12, 9, 100, 16, 2), alone(12, 9, 100, 16, 1);
  Run("classifier_loss", both.Operands(true, false));
  Run("classifier_loss", alone.Operands(false, false));
  EXPECT(alone.loss.bytes == both.loss.bytes);
}

TEST(classifier_loss_stands_large_and_infinite_logits) {
  Case given(1, 3, 5, 2, 1);
  for (int64_t s = 0; s < 3; ++s) given.in.Set(0, s, 1);
  given.targets.Set(0, 0, 1);
  given.targets.Set(0, 1, 4);
  const auto run = [&](const std::vector<double>& logits) {
    for (int64_t v = 0; v < 5; ++v) given.table.Set(v, 0, logits[v]);
    Run("classifier_loss", given.Operands(true, false));
    return given.loss.Get(0, 0);
  };
  EXPECT(run({0, 1e30, -1e30, 0, 1e30}) == 2 * std::log(2.0));
  EXPECT(run({-kInfinity, 0, -kInfinity, -kInfinity, 0}) == 2 * std::log(2.0));  // a whole block without weight
  EXPECT(std::isnan(run({0, 0, 0, kInfinity, 0})));
  EXPECT(std::isnan(run({-kInfinity, -kInfinity, -kInfinity, -kInfinity, -kInfinity})));
  for (int64_t at = 0; at < 5; ++at) {
    std::vector<double> logits = {0, 5, 2, 1, 3};
    logits[at] = std::nan("");
    EXPECT(std::isnan(run(logits)) && std::isnan(given.din.Get(0, 0)) && std::isnan(given.dtable.Get(2, 0)));
  }
}

TEST(classifier_loss_shows_a_target_outside_the_table_and_ignores_negative_ones) {
  Case given(4, 3, 6, 4, 1);
  given.targets.Set(0, 0, 6);
  given.targets.Set(0, 1, -100);
  given.targets.Set(0, 2, 5);
  Run("classifier_loss", given.Operands(true, false));
  EXPECT(std::isnan(given.loss.Get(0, 0)) && given.loss.Get(0, 1) == 2);
  for (int64_t c = 0; c < 4; ++c) {
    EXPECT(std::isnan(given.din.Get(c, 0)) && given.din.Get(c, 1) == 0 && std::isfinite(given.din.Get(c, 2)));
  }
  for (int64_t s = 0; s < 3; ++s) given.targets.Set(0, s, -1);
  Run("classifier_loss", given.Operands(true, false));
  EXPECT(given.loss.Get(0, 0) == 0 && given.loss.Get(0, 1) == 0 && given.dtable.Get(3, 3) == 0);
}

TEST(classifier_loss_checks_what_it_works_in) {
  const Case given(4, 3, 6, 4, 1);
  KernelOperands operands = given.Operands(true, false);
  operands.views.erase("din");
  EXPECT(Message("classifier_loss", operands) ==
         "Expected both or neither of din and dtable of classifier_loss, got one.");
  operands.views.erase("dtable");
  EXPECT(Message("classifier_loss", operands) ==
         "Expected squares of classifier_loss with dtable only, got squares alone.");
  operands = given.Operands(true, false);
  operands.views["logits"][0].rows = 2;
  EXPECT(Message("classifier_loss", operands) == "Expected at least 3 x 1 for logits of classifier_loss, got 2 x 4.");
}
