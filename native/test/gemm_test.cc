#include "kernels/gemm.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "base/fp16.h"
#include "check.h"
#include "kernels/peak.h"

using ane::Arithmetic;
using ane::ConstMatrix;
using ane::Dtype;
using ane::Gemm;
using ane::Matrix;
using ane::ThreadPool;

namespace {

enum class Layout { kRows, kColumns, kStrided };
constexpr Layout kLayouts[] = {Layout::kRows, Layout::kColumns, Layout::kStrided};

// A matrix in memory of its own, with a margin that must stay untouched.
struct Storage {
  std::vector<float> single;
  std::vector<uint16_t> half;
  Dtype dtype;
  int64_t rows, cols, row_stride, col_stride;

  Storage(Dtype type, int64_t r, int64_t c, Layout layout, unsigned seed) : dtype(type), rows(r), cols(c) {
    row_stride = layout == Layout::kRows ? c + 3 : layout == Layout::kColumns ? 1 : 2 * c + 5;
    col_stride = layout == Layout::kRows ? 1 : layout == Layout::kColumns ? r + 1 : 2;
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    single.resize(rows * row_stride + cols * col_stride + 8);
    half.resize(single.size());
    for (size_t i = 0; i < single.size(); ++i) {
      half[i] = ane::Fp32ToFp16(normal(random));
      single[i] = ane::Fp16ToFp32(half[i]);
    }
  }
  // One element in, so that nothing is aligned.
  int64_t Index(int64_t r, int64_t c) const { return 1 + r * row_stride + c * col_stride; }
  float Get(int64_t r, int64_t c) const {
    return dtype == Dtype::kFp16 ? ane::Fp16ToFp32(half[Index(r, c)]) : single[Index(r, c)];
  }
  ConstMatrix View() const {
    const void* data = dtype == Dtype::kFp16 ? static_cast<const void*>(&half[1]) : &single[1];
    return {data, dtype, rows, cols, row_stride, col_stride};
  }
  Matrix Out() {
    void* data = dtype == Dtype::kFp16 ? static_cast<void*>(&half[1]) : &single[1];
    return {data, dtype, rows, cols, row_stride, col_stride};
  }
};

// To the nearest number of bf16, halves to even; x is finite.
double RoundBf16(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  return std::bit_cast<float>((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u);
}

// What products of bf16 are made of on this processor, of more than four rows and columns.
double Factor(float x, Arithmetic arithmetic) {
  return arithmetic == Arithmetic::kBf16 && ane::ArithmeticOf(false) == Arithmetic::kBf16 ? RoundBf16(x) : x;
}

// Rows of `of`, or its columns, one behind the other.
std::vector<double> Dense(const Storage& of, bool columns, Arithmetic arithmetic) {
  std::vector<double> values;
  for (int64_t i = 0; i < (columns ? of.cols : of.rows); ++i) {
    for (int64_t j = 0; j < (columns ? of.rows : of.cols); ++j) {
      values.push_back(Factor(columns ? of.Get(j, i) : of.Get(i, j), arithmetic));
    }
  }
  return values;
}

// Checks out against a sum in double precision, and that nothing but out changed.
bool Correct(const Storage& a, const Storage& b, const Storage& before, const Storage& after, bool accumulate,
             Arithmetic arithmetic = Arithmetic::kFp32) {
  const int64_t k = a.cols;
  const std::vector<double> rows = Dense(a, false, arithmetic), columns = Dense(b, true, arithmetic);
  std::vector<char> inside(after.single.size(), 0);
  for (int64_t r = 0; r < after.rows; ++r) {
    for (int64_t c = 0; c < after.cols; ++c) {
      const double *row = rows.data() + r * k, *column = columns.data() + c * k;
      double sum = accumulate ? before.Get(r, c) : 0, magnitude = std::abs(sum);
      for (int64_t i = 0; i < k; ++i) {
        const double term = row[i] * column[i];
        sum += term;
        magnitude += std::abs(term);
      }
      const double rounding = after.dtype == Dtype::kFp16 ? 0x1p-11 * std::abs(sum) + 0x1p-25 : 0;
      if (!(std::abs(after.Get(r, c) - sum) <= magnitude * 3e-6 + rounding)) return false;
      inside[after.Index(r, c)] = 1;
    }
  }
  for (size_t i = 0; i < inside.size(); ++i) {
    if (!inside[i] && (after.single[i] != before.single[i] || after.half[i] != before.half[i])) return false;
  }
  return true;
}

bool Check(ThreadPool& pool, int64_t m, int64_t n, int64_t k, Dtype ta, Dtype tb, Dtype to, Layout la, Layout lb,
           Layout lo, bool accumulate, Arithmetic arithmetic = Arithmetic::kFp32) {
  const Storage a(ta, m, k, la, 1), b(tb, k, n, lb, 2), before(to, m, n, lo, 3);
  Storage after = before;
  Gemm(pool, a.View(), b.View(), after.Out(), {accumulate, arithmetic});
  return Correct(a, b, before, after, accumulate, arithmetic);
}

}  // namespace

TEST(multiplies_every_layout_and_type) {
  ThreadPool pool(2);
  const int64_t shapes[][3] = {{1, 1, 1},    {1, 33, 17},   {33, 1, 17}, {2, 3, 4},   {7, 5, 3},
                               {12, 32, 8},  {13, 33, 257}, {31, 1, 65}, {65, 4, 40}, {4, 300, 33},
                               {50, 9, 270}, {6, 50, 513},  {40, 65, 33}};
  for (const auto& [m, n, k] : shapes) {
    for (Layout la : kLayouts) {
      for (Layout lb : kLayouts) {
        for (Layout lo : kLayouts) {
          for (int types = 0; types < 8; ++types) {
            const auto type = [&](int bit) { return (types >> bit & 1) != 0 ? Dtype::kFp16 : Dtype::kFp32; };
            EXPECT(Check(pool, m, n, k, type(0), type(1), type(2), la, lb, lo, false));
            if (type(2) == Dtype::kFp32) EXPECT(Check(pool, m, n, k, type(0), type(1), type(2), la, lb, lo, true));
          }
        }
      }
    }
  }
}

TEST(multiplies_every_layout_and_type_in_bf16) {
  ThreadPool pool(2);
  const int64_t shapes[][3] = {{5, 5, 1},    {33, 17, 2},  {7, 5, 3},      {12, 32, 8},  {13, 33, 257},
                               {65, 40, 40}, {6, 50, 513}, {17, 300, 255}, {300, 7, 33}, {25, 66, 2500}};
  for (const auto& [m, n, k] : shapes) {
    for (Layout la : kLayouts) {
      for (Layout lb : kLayouts) {
        for (int types = 0; types < 8; ++types) {
          const auto type = [&](int bit) { return (types >> bit & 1) != 0 ? Dtype::kFp16 : Dtype::kFp32; };
          EXPECT(Check(pool, m, n, k, type(0), type(1), type(2), la, lb, Layout::kRows, type(2) == Dtype::kFp32,
                       Arithmetic::kBf16));
        }
        EXPECT(Check(pool, m, n, k, Dtype::kFp32, Dtype::kFp16, Dtype::kFp32, la, lb, Layout::kStrided, true,
                     Arithmetic::kBf16));
      }
    }
  }
}

TEST(keeps_subnormal_numbers_of_fp16_in_every_arithmetic) {
  ThreadPool pool(2);
  for (Arithmetic arithmetic : {Arithmetic::kFp32, Arithmetic::kBf16}) {
    Storage a(Dtype::kFp16, 20, 40, Layout::kRows, 1), b(Dtype::kFp16, 40, 36, Layout::kRows, 2);
    for (int64_t r = 0; r < 20; ++r) {
      for (int64_t i = 0; i < 40; ++i) a.half[a.Index(r, i)] = static_cast<uint16_t>(r == 3 ? 1 : i);
    }
    const Storage before(Dtype::kFp32, 20, 36, Layout::kRows, 3);
    Storage after = before;
    Gemm(pool, a.View(), b.View(), after.Out(), {.arithmetic = arithmetic});
    EXPECT(Correct(a, b, before, after, false, arithmetic));
    EXPECT(after.Get(3, 0) != 0);
  }
}

TEST(multiplies_across_every_block_boundary) {
  ThreadPool pool(2);
  for (Dtype to : {Dtype::kFp16, Dtype::kFp32}) {
    EXPECT(
        Check(pool, 97, 257, 255, Dtype::kFp16, Dtype::kFp16, to, Layout::kRows, Layout::kRows, Layout::kRows, false));
    EXPECT(Check(pool, 97, 65, 256, Dtype::kFp16, Dtype::kFp16, to, Layout::kRows, Layout::kColumns, Layout::kRows,
                 false));
    EXPECT(Check(pool, 30, 70, 4097, Dtype::kFp16, Dtype::kFp16, to, Layout::kColumns, Layout::kRows, Layout::kRows,
                 false));
    EXPECT(
        Check(pool, 30, 1100, 700, Dtype::kFp16, Dtype::kFp16, to, Layout::kRows, Layout::kRows, Layout::kRows, false));
    EXPECT(Check(pool, 30, 50, 8300, Dtype::kFp32, Dtype::kFp16, to, Layout::kRows, Layout::kRows, Layout::kStrided,
                 false));
  }
  EXPECT(Check(pool, 30, 50, 8300, Dtype::kFp32, Dtype::kFp16, Dtype::kFp32, Layout::kRows, Layout::kRows,
               Layout::kStrided, true));
  EXPECT(Check(pool, 30, 50, 8300, Dtype::kFp32, Dtype::kFp16, Dtype::kFp32, Layout::kRows, Layout::kRows,
               Layout::kRows, true));
}

TEST(multiplies_many_whole_panels_of_either_operand) {
  ThreadPool pool(2);
  const int64_t shapes[][3] = {{200, 70, 544}, {70, 200, 544}, {64, 96, 1600}, {130, 60, 1602}};
  for (const auto& [m, n, k] : shapes) {
    for (int form = 0; form < 16; ++form) {
      const auto layout = [&](int bit) { return (form >> bit & 1) != 0 ? Layout::kColumns : Layout::kRows; };
      const Dtype to = form / 8 == 0 ? Dtype::kFp16 : Dtype::kFp32;
      for (Arithmetic arithmetic : {Arithmetic::kFp32, Arithmetic::kBf16}) {
        for (bool accumulate : {false, true}) {
          if (accumulate && to == Dtype::kFp16) continue;
          EXPECT(Check(pool, m, n, k, Dtype::kFp16, Dtype::kFp16, to, layout(0), layout(1), layout(2), accumulate,
                       arithmetic));
        }
      }
    }
  }
}

TEST(multiplies_vectors_by_long_and_by_many_columns) {
  ThreadPool pool(2);
  for (Dtype ta : {Dtype::kFp16, Dtype::kFp32}) {
    for (Layout la : {Layout::kRows, Layout::kColumns}) {
      for (int64_t n : {1, 3, 4}) {
        EXPECT(Check(pool, 2049, n, 70, ta, Dtype::kFp32, Dtype::kFp32, la, Layout::kRows, Layout::kRows, true));
        EXPECT(Check(pool, 1030, n, 129, ta, Dtype::kFp16, Dtype::kFp16, la, Layout::kRows, Layout::kStrided, false));
        EXPECT(Check(pool, 33, n, 2000, ta, Dtype::kFp32, Dtype::kFp16, la, Layout::kColumns, Layout::kRows, false));
      }
    }
  }
}

TEST(gives_the_same_bits_for_any_number_of_threads) {
  ThreadPool one(1), two(2), three(3);
  const int64_t shapes[][3] = {{256, 256, 256}, {300, 250, 700}, {200, 130, 1600}, {5, 900, 300}, {900, 3, 300},
                               {64, 64, 5000},  {40, 40, 40},    {1500, 1, 900}};
  for (const auto& [m, n, k] : shapes) {
    for (int form = 0; form < 4; ++form) {
      const Dtype to = form % 2 == 0 ? Dtype::kFp16 : Dtype::kFp32;
      const Layout la = form / 2 == 0 ? Layout::kRows : Layout::kColumns;
      const Storage a(Dtype::kFp16, m, k, la, 4), b(Dtype::kFp16, k, n, Layout::kRows, 5);
      Storage x(to, m, n, Layout::kRows, 6), y = x, z = x;
      for (Arithmetic arithmetic : {Arithmetic::kFp32, Arithmetic::kBf16}) {
        const ane::GemmOptions options = {to == Dtype::kFp32, arithmetic};
        Gemm(one, a.View(), b.View(), x.Out(), options);
        Gemm(two, a.View(), b.View(), y.Out(), options);
        Gemm(three, a.View(), b.View(), z.Out(), options);
        EXPECT(x.half == y.half && x.half == z.half);
        EXPECT(std::memcmp(x.single.data(), y.single.data(), x.single.size() * 4) == 0);
        EXPECT(std::memcmp(x.single.data(), z.single.data(), x.single.size() * 4) == 0);
      }
    }
  }
}

TEST(an_empty_sum_is_zero_and_an_empty_result_is_nothing) {
  ThreadPool pool(2);
  for (Dtype to : {Dtype::kFp16, Dtype::kFp32}) {
    EXPECT(Check(pool, 5, 7, 0, Dtype::kFp16, Dtype::kFp16, to, Layout::kRows, Layout::kRows, Layout::kStrided, false));
    EXPECT(Check(pool, 0, 7, 3, Dtype::kFp16, Dtype::kFp16, to, Layout::kRows, Layout::kRows, Layout::kRows, false));
    EXPECT(Check(pool, 5, 0, 3, Dtype::kFp16, Dtype::kFp16, to, Layout::kRows, Layout::kRows, Layout::kRows, false));
  }
  EXPECT(Check(pool, 5, 7, 0, Dtype::kFp16, Dtype::kFp16, Dtype::kFp32, Layout::kRows, Layout::kRows, Layout::kRows,
               true));
}

TEST(broadcasts_with_strides_of_zero) {
  ThreadPool pool(2);
  Storage a(Dtype::kFp16, 20, 30, Layout::kRows, 1), b(Dtype::kFp16, 30, 40, Layout::kRows, 2);
  for (int which = 0; which < 4; ++which) {
    (which < 2 ? a : b) = Storage(Dtype::kFp16, which < 2 ? 20 : 30, which < 2 ? 30 : 40, Layout::kRows, which);
    Storage& matrix = which < 2 ? a : b;
    (which % 2 == 0 ? matrix.row_stride : matrix.col_stride) = 0;
    const Storage before(Dtype::kFp32, 20, 40, Layout::kRows, 3);
    Storage after = before;
    Gemm(pool, a.View(), b.View(), after.Out());
    EXPECT(Correct(a, b, before, after, false));
  }
}

TEST(keeps_nan_and_infinity_and_overflows_to_infinity) {
  ThreadPool pool(2);
  const float infinity = std::numeric_limits<float>::infinity();
  for (int64_t n : {1, 40}) {
    Storage a(Dtype::kFp16, 40, 40, Layout::kRows, 1), b(Dtype::kFp16, 40, n, Layout::kRows, 2);
    a.half[a.Index(3, 7)] = 0x7e00;
    a.half[a.Index(4, 7)] = 0x7c00;
    for (int64_t i = 0; i < 40; ++i) a.half[a.Index(5, i)] = 0x7bff;
    for (int64_t i = 0; i < 40; ++i) b.half[b.Index(i, 0)] = 0x4000;
    for (Arithmetic arithmetic : {Arithmetic::kFp32, Arithmetic::kBf16}) {
      Storage out(Dtype::kFp16, 40, n, Layout::kRows, 3);
      Gemm(pool, a.View(), b.View(), out.Out(), {.arithmetic = arithmetic});
      EXPECT(std::isnan(out.Get(3, 0)));
      EXPECT(out.Get(4, 0) == infinity);
      EXPECT(out.Get(5, 0) == infinity);
      EXPECT(std::isfinite(out.Get(6, 0)));
    }
  }
}

TEST(batches_advance_every_operand) {
  for (int threads : {1, 2}) {
    ThreadPool pool(threads);
    for (int64_t count : {0, 1, 2, 5}) {
      const int64_t m = 9, k = 20, n = 34;
      const Storage a(Dtype::kFp16, count * m, k, Layout::kRows, 1), b(Dtype::kFp32, k, count * n, Layout::kRows, 2);
      const Storage before(Dtype::kFp16, count * m, n, Layout::kRows, 3);
      Storage after = before, each = before;
      ConstMatrix av = a.View(), bv = b.View();
      Matrix ov = after.Out();
      av.rows = ov.rows = m;
      bv.cols = n;
      GemmBatched(pool, av, bv, ov, {count, m * a.row_stride, n, m * after.row_stride});
      for (int64_t i = 0; i < count; ++i) {
        ConstMatrix ai = av, bi = bv;
        Matrix oi = each.Out();
        oi.rows = m;
        ai.data = &a.half[a.Index(i * m, 0)];
        bi.data = &b.single[b.Index(0, i * n)];
        oi.data = &each.half[each.Index(i * m, 0)];
        Gemm(pool, ai, bi, oi);
      }
      EXPECT(after.half == each.half);
    }
  }
}

TEST(measures_a_peak_on_any_number_of_threads) {
  for (int threads : {1, 3}) {
    ThreadPool pool(threads);
    EXPECT(ane::MeasurePeak(pool, ane::Factors::kFp32, 1e-3) > 1e6);
    const double bf16 = ane::MeasurePeak(pool, ane::Factors::kBf16, 1e-3);
    EXPECT(ane::ArithmeticOf(false) == Arithmetic::kBf16 ? bf16 > 1e6 : bf16 == 0);
    const double int8 = ane::MeasurePeak(pool, ane::Factors::kInt8, 1e-3);
    EXPECT(int8 == 0 || int8 > 1e6);
  }
}
