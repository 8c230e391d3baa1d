#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "host_kernel_fixture.h"

namespace {

constexpr int64_t kSizes[][2] = {{0, 5}, {5, 0}, {0, 0}, {1, 1}, {3, 7}, {17, 33}, {255, 17}, {64, 32}, {70, 257}, {1, 40000}, {20000, 1}, {300, 65}, {130, 333}};

}  // namespace

TEST(the_table_lists_every_kernel_once) {
  EXPECT(ane::HostKernelNames().size() == 15);
  for (const auto& name : ane::HostKernelNames()) EXPECT(FindHostKernel(name)->name == name);
  EXPECT(FindHostKernel("softmax") == nullptr);
}

TEST(fill_copy_and_add_work_on_every_layout_and_type) {
  for (const auto& [rows, cols] : kSizes) {
    for (Layout li : kLayouts) {
      for (Layout lo : kLayouts) {
        for (Dtype ti : kTypes) {
          for (Dtype to : kTypes) {
            const Tensor a(ti, rows, cols, li, 1), b(to, rows, cols, lo, 2);
            const Tensor out(to, rows, cols, lo, 3);
            Run("copy", {{{"in", {a.view}}, {"out", {out.view}}}, {}});
            EXPECT(Near(out, 0, [&](int64_t r, int64_t c) { return a.Get(r, c); }));
            Run("add", {{{"a", {a.view}}, {"b", {b.view}}, {"out", {out.view}}}, {{"scale", 0.5}}});
            EXPECT(Near(out, 1e-6, [&](int64_t r, int64_t c) { return a.Get(r, c) + 0.5 * b.Get(r, c); }));
            Run("fill", {{{"out", {out.view}}}, {{"value", -1.5}}});
            EXPECT(Near(out, 0, [](int64_t, int64_t) { return -1.5; }));
          }
        }
      }
    }
  }
}

TEST(copy_rounds_to_even_and_overflows_to_infinity) {
  const Tensor in(Dtype::kFp32, 1, 4), out(Dtype::kFp16, 1, 4, Layout::kColumns);
  const double values[] = {2049, 65520, -1e30, std::nan("")};
  for (int i = 0; i < 4; ++i) in.Set(0, i, values[i]);
  Run("copy", {{{"in", {in.view}}, {"out", {out.view}}}, {}});
  EXPECT(out.Get(0, 0) == 2048 && std::isinf(out.Get(0, 1)) && out.Get(0, 2) < -1e9 && std::isnan(out.Get(0, 3)));
}

TEST(embedding_reads_rows_and_its_gradient_adds_into_them) {
  for (int64_t S : {0, 1, 3, 31, 33, 100, 257}) {
    for (int64_t C : {0, 1, 5, 17, 64, 70, 255}) {
      for (Dtype type : kTypes) {
        std::vector<int> ids(S);
        for (int64_t s = 0; s < S; ++s) ids[s] = static_cast<int>(s * 7 % 11);
        const Tensor tokens = Ids(ids), table(type, 11, C, Layout::kRows, 1), out(type, C, S, Layout::kStrided, 2);
        Run("embedding", {{{"tokens", {tokens.view}}, {"table", {table.view}}, {"out", {out.view}}}, {}});
        EXPECT(Near(out, 0, [&](int64_t c, int64_t s) { return table.Get(ids[s], c); }));
        const Tensor rows(type, S, C);
        Run("gather_rows", {{{"ids", {tokens.view}}, {"table", {table.view}}, {"out", {rows.view}}}, {}});
        EXPECT(Near(rows, 0, [&](int64_t s, int64_t c) { return table.Get(ids[s], c); }));

        for (Layout layout : kLayouts) {
          const Tensor before(Dtype::kFp32, 11, C, layout, 3), dtable = before, scattered = before;
          Run("embedding_backward", {{{"tokens", {tokens.view}}, {"dout", {out.view}}, {"dtable", {dtable.view}}}, {}});
          Run("scatter_add_rows", {{{"ids", {tokens.view}}, {"in", {rows.view}}, {"table", {scattered.view}}}, {}});
          const auto expected = [&](int64_t v, int64_t c) {
            double sum = before.Get(v, c);
            for (int64_t s = 0; s < S; ++s) sum += ids[s] == v ? out.Get(c, s) : 0;
            return sum;
          };
          EXPECT(Near(dtable, 1e-5, expected));
          EXPECT(Near(scattered, 1e-5, expected));
        }
      }
    }
  }
}

TEST(an_index_outside_the_table_reads_as_nan_and_is_added_nowhere) {
  const Tensor tokens = Ids({0, 5, -1}), table(Dtype::kFp32, 5, 3), out(Dtype::kFp16, 3, 3);
  Run("embedding", {{{"tokens", {tokens.view}}, {"table", {table.view}}, {"out", {out.view}}}, {}});
  EXPECT(!std::isnan(out.Get(2, 0)) && std::isnan(out.Get(0, 1)) && std::isnan(out.Get(1, 2)));
  const Tensor before(Dtype::kFp32, 5, 3), dtable = before, dout(Dtype::kFp32, 3, 3, Layout::kRows, 8);
  Run("embedding_backward", {{{"tokens", {tokens.view}}, {"dout", {dout.view}}, {"dtable", {dtable.view}}}, {}});
  EXPECT(Near(dtable, 1e-6, [&](int64_t v, int64_t c) { return before.Get(v, c) + (v == 0 ? dout.Get(c, 0) : 0); }));
}

TEST(rmsnorm_and_its_gradient_follow_the_formulas) {
  for (const auto& [C, S] : {std::pair<int64_t, int64_t>{0, 5}, {5, 0}, {1, 1}, {7, 3}, {17, 255}, {33, 65}, {257, 33}, {288, 600}}) {
    for (Dtype type : kTypes) {
      for (Layout layout : kLayouts) {
        const Tensor in(type, C, S, layout, 1), weight(Dtype::kFp32, 1, C, Layout::kRows, 2),
            out(type, C, S, layout, 3);
        const Tensor rrms(Dtype::kFp32, 1, S), dout(type, C, S, layout, 4), din(Dtype::kFp32, C, S, layout, 5);
        Run("rmsnorm", {{{"in", {in.view}}, {"weight", {weight.view}}, {"out", {out.view}}, {"rrms", {rrms.view}}},
                        {{"eps", 1e-5}}});
        std::vector<double> scale(S), mean(S);
        for (int64_t s = 0; s < S; ++s) {
          double squares = 0;
          for (int64_t c = 0; c < C; ++c) squares += in.Get(c, s) * in.Get(c, s);
          scale[s] = 1 / std::sqrt(squares / C + 1e-5);
          for (int64_t c = 0; c < C; ++c) mean[s] += weight.Get(0, c) * dout.Get(c, s) * in.Get(c, s) / C;
        }
        EXPECT(Near(rrms, 1e-5, [&](int64_t, int64_t s) { return scale[s]; }));
        EXPECT(Near(out, 1e-5, [&](int64_t c, int64_t s) { return in.Get(c, s) * scale[s] * weight.Get(0, c); }));

        for (const bool accumulate : {false, true}) {
          const Tensor before(Dtype::kFp32, 1, C, Layout::kRows, 6), dweight = before;
          Run("rmsnorm_backward", {{{"in", {in.view}},
                                    {"weight", {weight.view}},
                                    {"rrms", {rrms.view}},
                                    {"dout", {dout.view}},
                                    {"din", {din.view}},
                                    {"dweight", {dweight.view}}},
                                   {{"accumulate", accumulate ? 1.0 : 0.0}}});
          EXPECT(Near(din, 1e-4, [&](int64_t c, int64_t s) {
            return scale[s] * (weight.Get(0, c) * dout.Get(c, s) - in.Get(c, s) * scale[s] * scale[s] * mean[s]);
          }));
          EXPECT(Near(dweight, 2e-5, [&](int64_t, int64_t c) {
            double sum = accumulate ? before.Get(0, c) : 0;
            for (int64_t s = 0; s < S; ++s) sum += dout.Get(c, s) * in.Get(c, s) * scale[s];
            return sum;
          }));
        }
      }
    }
  }
}

TEST(gemm_multiplies_and_accumulates) {
  constexpr int64_t kShapes[][3] = {{0, 3, 5}, {3, 0, 5}, {3, 5, 0}, {1, 1, 1},     {3, 7, 17},    {17, 1, 33},
                                    {1, 33, 7}, {33, 17, 3}, {20, 40, 30}, {255, 7, 257}, {33, 257, 255}};
  for (const auto& [M, N, K] : kShapes) {
    for (Dtype type : kTypes) {
      for (Layout layout : kLayouts) {
        for (const bool accumulate : {false, true}) {
          const Tensor a(type, M, K, layout, 1), b(Dtype::kFp32, K, N, Layout::kColumns, 2);
          const Tensor before(Dtype::kFp32, M, N, layout, 3), out = before;
          Run("gemm", {{{"a", {a.view}}, {"b", {b.view}}, {"out", {out.view}}}, {{"accumulate", accumulate ? 1.0 : 0.0}}});
          EXPECT(Near(out, 2e-5, [&](int64_t r, int64_t c) {
            double sum = accumulate ? before.Get(r, c) : 0;
            for (int64_t k = 0; k < K; ++k) sum += a.Get(r, k) * b.Get(k, c);
            return sum;
          }));
        }
      }
    }
  }
}

TEST(gemm_sums_the_squares_of_its_rows_as_row_squares_does_on_any_number_of_threads) {
  constexpr int64_t kShapes[][3] = {{0, 3, 5}, {3, 0, 5}, {3, 5, 0},     {1, 7, 3},     {5, 3, 17},
                                    {33, 255, 257}, {255, 33, 1025}, {130, 900, 40}, {100, 2050, 300}};
  for (const auto& [M, N, K] : kShapes) {
    for (Layout layout : kLayouts) {
      for (const bool accumulate : {false, true}) {
        for (int threads : {1, 2, 3}) {
          ThreadPool pool(threads);
          const Tensor a(Dtype::kFp16, M, K, Layout::kRows, 1), b(Dtype::kFp16, K, N, Layout::kColumns, 2);
          const Tensor out(Dtype::kFp32, M, N, layout, 3), squares(Dtype::kFp64, 1, M, layout, 4);
          const Tensor again(Dtype::kFp64, 1, M, layout, 5);
          const KernelOperands product = {
              {{"a", {a.view}}, {"b", {b.view}}, {"out", {out.view}}, {"squares", {squares.view}}},
              {{"accumulate", accumulate ? 1.0 : 0.0}}};
          EXPECT(FindHostKernel("gemm")->check(product).ok());
          FindHostKernel("gemm")->run(product, {pool, true});
          Run("row_squares", {{{"in", {out.view}}, {"squares", {again.view}}}, {}});
          for (int64_t m = 0; m < M; ++m) EXPECT(squares.Get(0, m) == again.Get(0, m));
        }
      }
    }
  }
}

TEST(scale_gradient_sums_channels_that_share_a_weight) {
  constexpr int64_t kShapes[][3] = {{0, 3, 5}, {3, 3, 0}, {0, 0, 5}, {1, 1, 1}, {3, 1, 7}, {34, 17, 33}, {48, 16, 601}, {255, 255, 257}};
  for (const auto& [C, D, S] : kShapes) {
    for (Dtype type : kTypes) {
      for (Layout layout : kLayouts) {
        for (const bool accumulate : {false, true}) {
          const Tensor in(type, C, S, layout, 1), dout(Dtype::kFp32, C, S, Layout::kColumns, 2);
          const Tensor before(Dtype::kFp32, 1, D, Layout::kRows, 3), dweight = before;
          Run("scale_gradient", {{{"in", {in.view}}, {"dout", {dout.view}}, {"dweight", {dweight.view}}},
                                 {{"accumulate", accumulate ? 1.0 : 0.0}}});
          EXPECT(Near(dweight, 2e-5, [&](int64_t, int64_t d) {
            double sum = accumulate ? before.Get(0, d) : 0;
            for (int64_t c = d; c < C; c += D) {
              for (int64_t s = 0; s < S; ++s) sum += in.Get(c, s) * dout.Get(c, s);
            }
            return sum;
          }));
        }
      }
    }
  }
}

TEST(kernels_keep_subnormal_numbers) {
  for (Dtype type : kTypes) {
    const double tiny = type == Dtype::kFp16 ? 0x1p-24 : 0x1p-149;
    for (Layout layout : kLayouts) {
      for (const auto& [R, C] : {std::pair<int64_t, int64_t>{1, 1}, {3, 7}, {17, 33}, {7, 257}}) {
        const Tensor in(type, R, C, layout, 1), out(type, R, C, layout, 2), one(Dtype::kFp32, R, R, Layout::kRows, 3);
        const auto value = [&](int64_t r, int64_t c) { return ((r + c) % 3 - 1) * tiny; };
        for (int64_t r = 0; r < R; ++r) {
          for (int64_t c = 0; c < C; ++c) in.Set(r, c, value(r, c));
          for (int64_t c = 0; c < R; ++c) one.Set(r, c, r == c);
        }
        const auto kept = [&](double times) {
          bool same = true;
          for (int64_t r = 0; r < R; ++r) {
            for (int64_t c = 0; c < C; ++c) same = same && out.Get(r, c) == times * value(r, c);
          }
          return same;
        };
        Run("copy", {{{"in", {in.view}}, {"out", {out.view}}}, {}});
        EXPECT(kept(1));
        Run("add", {{{"a", {in.view}}, {"b", {in.view}}, {"out", {out.view}}}, {{"scale", 3}}});
        EXPECT(kept(4));
        Run("gemm", {{{"a", {one.view}}, {"b", {in.view}}, {"out", {out.view}}}, {{"accumulate", 0}}});
        EXPECT(kept(1));
        const Tensor ids = Ids({0}), row(type, 1, C, layout, 4);
        Run("gather_rows", {{{"ids", {ids.view}}, {"table", {in.view}}, {"out", {row.view}}}, {}});
        bool same = true;
        for (int64_t c = 0; c < C; ++c) same = same && row.Get(0, c) == value(0, c);
        EXPECT(same);
      }
    }
  }
}

TEST(row_squares_and_grad_norm_cover_all_gradients_and_never_depend_on_threads) {
  for (const auto& [R, C] : {std::pair<int64_t, int64_t>{1, 1}, {3, 7}, {33, 255}, {257, 33}, {500, 700}, {2, 40000}, {0, 5}, {5, 0}}) {
    for (Dtype type : kTypes) {
      for (Layout layout : kLayouts) {
        const Tensor in(type, R, C, layout, 1), squares(Dtype::kFp64, 1, R, layout, 2), out(Dtype::kFp64, 1, 1);
        const KernelOperands sums = {{{"in", {in.view}}, {"squares", {squares.view}}}, {}};
        const KernelOperands norm = {{{"squares", {squares.view, squares.view}}, {"out", {out.view}}}, {}};
        const auto expected = [&](int64_t, int64_t r) {
          double sum = 0;
          for (int64_t c = 0; c < C; ++c) sum += in.Get(r, c) * in.Get(r, c);
          return sum;
        };
        Run("row_squares", sums);
        EXPECT(Near(squares, 1e-12, expected));
        Run("grad_norm", norm);
        const double first = out.Get(0, 0);
        double sum = 0;
        for (int64_t r = 0; r < R; ++r) sum += 2 * expected(0, r);
        EXPECT(std::abs(first - std::sqrt(sum)) <= 1e-9 * first);
        for (int threads : {1, 3}) {
          ThreadPool pool(threads);
          FindHostKernel("row_squares")->run(sums, {pool, true});
          FindHostKernel("grad_norm")->run(norm, {pool, true});
          EXPECT(out.Get(0, 0) == first);
        }
      }
    }
  }
}

TEST(row_squares_of_ids_leave_other_rows_alone_and_show_what_is_no_number) {
  const Tensor in(Dtype::kFp32, 70, 33, Layout::kRows, 1), squares(Dtype::kFp64, 1, 70, Layout::kRows, 2), out(Dtype::kFp64, 1, 1);
  const Tensor before = squares, ids = Ids({69, 3, 3, -1, 70, 67, 5});
  in.Set(3, 32, std::numeric_limits<double>::infinity());
  in.Set(5, 0, std::nan(""));
  for (int64_t c = 0; c < 33; ++c) in.Set(67, c, c == 7 ? 1e-45 : -0.0);
  Run("row_squares", {{{"in", {in.view}}, {"ids", {ids.view}}, {"squares", {squares.view}}}, {}});
  EXPECT(std::isinf(squares.Get(0, 3)) && std::isnan(squares.Get(0, 5)));
  EXPECT(squares.Get(0, 67) > 0 && squares.Get(0, 67) < 1e-80);
  for (int64_t r : {0, 4, 68}) EXPECT(squares.Get(0, r) == before.Get(0, r));
  EXPECT(squares.Get(0, 69) != before.Get(0, 69));
  const Tensor all(Dtype::kFp64, 1, 2);
  for (const double second : {1.0, std::nan("")}) {
    all.Set(0, 0, std::numeric_limits<double>::infinity());
    all.Set(0, 1, second);
    Run("grad_norm", {{{"squares", {all.view}}, {"out", {out.view}}}, {}});
    EXPECT(std::isnan(second) ? std::isnan(out.Get(0, 0)) : std::isinf(out.Get(0, 0)));
  }
}

TEST(adamw_takes_rows_without_squares_for_zeros_and_clears_only_others) {
  for (const auto& [R, C] : {std::pair<int64_t, int64_t>{0, 5}, {1, 1}, {3, 7}, {100, 70}, {255, 257}, {33, 1025}, {3, 20000}, {700, 3}}) {
    for (Layout layout : kLayouts) {
      const auto made = [&](int seed) { return Tensor(Dtype::kFp32, R, C, Layout::kRows, seed); };
      const Tensor p = made(1), g = made(2), m = made(3), v(Dtype::kFp32, R, C), numbers(Dtype::kFp64, 1, 8);
      for (int64_t r = 0; r < R; ++r) {
        for (int64_t c = 0; c < C; ++c) v.Set(r, c, std::abs(v.Get(r, c)));
      }
      const Tensor p1 = p, g1 = g, m1 = m, v1 = v, g0 = g;
      const Tensor staged(Dtype::kFp16, R, C, layout, 5), staged1 = staged, squares(Dtype::kFp64, 1, R);
      const auto zeros = [](int64_t r) { return r % 7 < 3; };
      const double hyper[] = {1e-3, 0.9, 0.95, 1e-8, 0.1, 0.271, 0.142625, 1.0 / 512};
      for (int i = 0; i < 8; ++i) numbers.Set(0, i, hyper[i]);
      for (int64_t r = 0; r < R; ++r) {
        squares.Set(0, r, zeros(r) ? 0 : 1);
        for (int64_t c = 0; c < C && zeros(r); ++c) g1.Set(r, c, 0);
      }
      const auto run = [&](const Tensor& param, const Tensor& grad, const Tensor& mean, const Tensor& second,
                           const Tensor& half, const std::vector<ane::TensorView>& with) {
        KernelOperands operands = {{{"param", {param.view}}, {"grad", {grad.view}}, {"m", {mean.view}},
                                    {"v", {second.view}}, {"hyper", {numbers.view}}, {"staged", {half.view}}},
                                   {{"decay", 1}, {"zero_grad", 1}}};
        if (!with.empty()) operands.views["squares"] = with;
        Run("adamw", operands);
      };
      run(p, g, m, v, staged, {squares.view});
      run(p1, g1, m1, v1, staged1, {});
      const auto same = [](const Tensor& a, const Tensor& b) {
        return Near(a, 0, [&](int64_t r, int64_t c) { return b.Get(r, c); });
      };
      EXPECT(same(p, p1) && same(m, m1) && same(v, v1) && same(staged, staged1));
      EXPECT(Near(g, 0, [&](int64_t r, int64_t c) { return zeros(r) ? g0.Get(r, c) : 0; }));
      EXPECT(Near(squares, 0, [](int64_t, int64_t) { return 0; }));
    }
  }
}

TEST(adamw_updates_and_stages_in_one_pass) {
  const double hyper[] = {1e-3, 0.9, 0.95, 1e-8, 0.1, 0.271, 0.142625, 1.0 / 512};
  for (const auto& [R, C] : {std::pair<int64_t, int64_t>{0, 5}, {5, 0}, {1, 1}, {3, 7}, {17, 33}, {255, 257}, {1, 40000}, {3, 20000}, {100, 70}, {33, 1025}}) {
    for (Layout layout : kLayouts) {
      for (Dtype type : kTypes) {
        for (int flags = 0; flags < 4; ++flags) {
          const Tensor p0(Dtype::kFp32, R, C, Layout::kRows, 1), g0(Dtype::kFp32, R, C, Layout::kRows, 2);
          const Tensor m0(Dtype::kFp32, R, C, Layout::kRows, 3), root(Dtype::kFp32, R, C, Layout::kRows, 4), v0 = root;
          for (int64_t r = 0; r < R; ++r) {
            for (int64_t c = 0; c < C; ++c) v0.Set(r, c, root.Get(r, c) * root.Get(r, c));
          }
          const Tensor p = p0, g = g0, m = m0, v = v0, staged(type, R, C, layout, 5), numbers(Dtype::kFp64, 1, 8);
          for (int i = 0; i < 8; ++i) numbers.Set(0, i, hyper[i]);
          const bool decay = flags & 1, zero = flags & 2;
          Run("adamw", {{{"param", {p.view}},
                         {"grad", {g.view}},
                         {"m", {m.view}},
                         {"v", {v.view}},
                         {"hyper", {numbers.view}},
                         {"staged", {staged.view}}},
                        {{"decay", decay ? 1.0 : 0.0}, {"zero_grad", zero ? 1.0 : 0.0}}});
          const auto m1 = [&](int64_t r, int64_t c) { return 0.9 * m0.Get(r, c) + 0.1 * g0.Get(r, c) / 512; };
          const auto v1 = [&](int64_t r, int64_t c) {
            return 0.95 * v0.Get(r, c) + 0.05 * std::pow(g0.Get(r, c) / 512, 2);
          };
          EXPECT(Near(m, 1e-6, m1));
          EXPECT(Near(v, 1e-6, v1));
          EXPECT(Near(p, 1e-6, [&](int64_t r, int64_t c) {
            return p0.Get(r, c) * (decay ? 1 - 1e-4 : 1) -
                   1e-3 * (m1(r, c) / 0.271) / (std::sqrt(v1(r, c) / 0.142625) + 1e-8);
          }));
          EXPECT(Near(g, 0, [&](int64_t r, int64_t c) { return zero ? 0 : g0.Get(r, c); }));
          EXPECT(Near(staged, 0, [&](int64_t r, int64_t c) { return p.Get(r, c); }));
        }
      }
    }
  }
}

TEST(checks_name_the_operand_and_the_value) {
  const Tensor a(Dtype::kFp16, 2, 3), b(Dtype::kFp16, 4, 5), ids = Ids({1, 2});
  EXPECT(Message("copy", {{{"in", {a.view}}}, {}}) == "Expected a view for out of copy, got none.");
  EXPECT(Message("copy", {{{"in", {a.view}}, {"out", {b.view}}}, {}}) == "Expected 2 rows for out of copy, got 4.");
  EXPECT(Message("copy", {{{"in", {a.view}}, {"out", {ids.view}}}, {}}) ==
         "Expected fp16 or fp32 for out of copy, got int32.");
  EXPECT(Message("copy", {{{"in", {a.view}}, {"out", {a.view}}, {"mask", {a.view}}}, {}}) ==
         "Expected one of in, out for an operand of copy, got mask.");
  EXPECT(Message("copy", {{{"in", {a.view, b.view}}, {"out", {a.view}}}, {}}) ==
         "Expected one view for in of copy, got 2.");
  EXPECT(Message("add", {{{"a", {a.view}}, {"b", {a.view}}, {"out", {a.view}}}, {}}) ==
         "Expected a number for scale of add, got none.");
  EXPECT(Message("fill", {{{"out", {a.view}}}, {{"value", 1}, {"step", 2}}}) ==
         "Expected one of out, value for an operand of fill, got step.");
  const Tensor x(Dtype::kFp16, 4, 2), y(Dtype::kFp16, 2, 3);
  EXPECT(Message("gemm", {{{"a", {x.view}}, {"b", {y.view}}, {"out", {Tensor(Dtype::kFp16, 4, 3).view}}},
                          {{"accumulate", 1}}}) == "Expected fp32 for out of gemm with accumulate, got fp16.");
  EXPECT(Message("gemm", {{{"a", {x.view}}, {"b", {x.view}}, {"out", {y.view}}}, {{"accumulate", 0}}}) ==
         "Expected 2 rows for b of gemm, got 4.");
  EXPECT(Message("gemm", {{{"a", {x.view}}, {"b", {y.view}}, {"out", {Tensor(Dtype::kFp32, 4, 3).view}}},
                          {{"accumulate", 2}}}) == "Expected 0 or 1 for accumulate of gemm, got 2.");
}
