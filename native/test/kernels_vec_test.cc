#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "base/fp16.h"
#include "check.h"
#include "kernels/vec.h"

using ane::FindVec;
using ane::VecTable;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
const int64_t kSizes[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 127, 255, 257, 1000};

std::vector<const VecTable*> Tables() {
  std::vector<const VecTable*> tables;
  for (const char* isa : {"avx512", "avx2", "neon", "portable"}) {
    if (const VecTable* table = FindVec(isa)) tables.push_back(table);
  }
  return tables;
}

bool SameBits(float a, float b) { return std::memcmp(&a, &b, sizeof a) == 0 || (std::isnan(a) && std::isnan(b)); }

std::vector<float> Values(int64_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 3);
  const float special[] = {0.0f,    -0.0f, kInfinity, -kInfinity, kNan,    1e-42f,
                           -1e-40f, 3e38f, -3e38f,    65519.0f,   65520.0f};
  std::vector<float> values(n);
  for (auto& value : values) value = random() % 8 == 0 ? special[random() % 11] : normal(random);
  return values;
}

// Distance in units of the last place of the float nearest to `exact`.
double Ulps(float got, double exact) {
  if (std::isnan(exact)) return std::isnan(got) ? 0 : 1e9;
  const float nearest = static_cast<float>(exact);
  if (std::isinf(nearest)) return got == nearest || std::abs(got) == std::numeric_limits<float>::max() ? 0 : 1e9;
  const double unit = std::max(std::ldexp(1.0, std::ilogb(nearest == 0 ? 1e-45 : nearest) - 23), 0x1p-149);
  return std::abs(got - exact) / unit;
}

using Unary = void (*)(float*, const float*, int64_t);

// The largest error over floats spread evenly over all bit patterns, so over all magnitudes and both signs.
double WorstUlps(Unary function, double (*exact)(double)) {
  std::vector<float> in;
  for (uint64_t bits = 0; bits < 0x100000000ull; bits += 9973) {
    const uint32_t pattern = static_cast<uint32_t>(bits);
    float x;
    std::memcpy(&x, &pattern, sizeof x);
    in.push_back(x);
  }
  for (float x = -110.0f; x < 110.0f; x += 0.0007f) in.push_back(x);
  std::vector<float> out(in.size());
  function(out.data(), in.data(), static_cast<int64_t>(in.size()));
  double worst = 0;
  for (size_t i = 0; i < in.size(); ++i) worst = std::max(worst, Ulps(out[i], exact(in[i])));
  return worst;
}

double Logistic(double x) { return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); }

}  // namespace

TEST(an_unknown_instruction_set_has_no_table) {
  EXPECT(FindVec("sse9") == nullptr);
  EXPECT(FindVec("portable") != nullptr);
  for (const VecTable* table : Tables()) EXPECT(FindVec(table->isa) == table);
}

TEST(every_half_converts_to_single_and_back) {
  for (const VecTable* table : Tables()) {
    std::vector<uint16_t> halves(65536), back(65536);
    for (int i = 0; i < 65536; ++i) halves[i] = static_cast<uint16_t>(i);
    std::vector<float> singles(65536);
    table->fp16_to_fp32(singles.data(), halves.data(), 65536);
    table->fp32_to_fp16(back.data(), singles.data(), 65536);
    bool same = true, agree = true;
    for (int i = 0; i < 65536; ++i) {
      const bool nan = (i & 0x7fff) > 0x7c00;
      same = same && (back[i] == i || (nan && back[i] == (i | 0x200)));
      agree = agree && SameBits(singles[i], ane::Fp16ToFp32(halves[i])) && std::isnan(singles[i]) == nan;
    }
    EXPECT(same);
    EXPECT(agree);
  }
}

TEST(rows_of_halves_and_folds_of_rows_equal_plain_loops) {
  for (const VecTable* table : Tables()) {
    for (int64_t n : {1, 3, 7, 15, 16, 17, 33, 128, 257}) {
      for (int64_t rows : {0, 1, 2, 5}) {
        const int64_t step = n + 3;
        std::vector<uint16_t> halves(rows * step + n, 0x7bff), back(halves);
        for (size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<uint16_t>(i * 2654435761u >> 9) & 0xbbff;
        std::vector<float> singles(rows * n), numbers(rows * n), sum(n, 0.5f), most(n, 0.5f), least(n, 0.5f);
        table->load_halves(singles.data(), halves.data(), step, rows, n);
        table->store_halves(back.data(), step, singles.data(), rows, n);
        table->spread_halves(numbers.data(), halves.data(), step, rows, n);
        table->add_rows(sum.data(), singles.data(), rows, n);
        table->maximum_rows(most.data(), singles.data(), rows, n);
        table->minimum_rows(least.data(), singles.data(), rows, n);
        bool same = true;
        for (int64_t c = 0; c < step; ++c) {
          float added = 0.5f, larger = 0.5f, smaller = 0.5f;
          for (int64_t r = 0; r < rows; ++r) {
            const float x = ane::Fp16ToFp32(halves[r * step + c]);
            same = same && back[r * step + c] == (c < n ? halves[r * step + c] : 0x7bff);
            if (c >= n) continue;
            same = same && SameBits(singles[r * n + c], x);
            same = same && SameBits(numbers[r * n + c], ane::Fp16ToFp32(halves[r * step]));
            added += x;
            larger = std::max(larger, x);
            smaller = std::min(smaller, x);
          }
          if (c < n) same = same && SameBits(sum[c], added) && SameBits(most[c], larger) && SameBits(least[c], smaller);
        }
        EXPECT(same);
      }
    }
  }
}

TEST(rounding_to_half_is_nearest_even_everywhere) {
  std::vector<float> in;
  for (uint64_t bits = 0; bits < 0x100000000ull; bits += 4093) {
    const uint32_t pattern = static_cast<uint32_t>(bits);
    float x;
    std::memcpy(&x, &pattern, sizeof x);
    in.push_back(x);
  }
  // Ties and their neighbours.
  for (int h = 0; h < 0x7c00; ++h) {
    const float low = ane::Fp16ToFp32(static_cast<uint16_t>(h));
    const float high = h == 0x7bff ? 65536.0f : ane::Fp16ToFp32(static_cast<uint16_t>(h + 1));
    const float middle = (low + high) / 2;
    for (float x : {middle, std::nextafter(middle, 0.0f), std::nextafter(middle, 1e6f)}) {
      in.push_back(x);
      in.push_back(-x);
    }
    EXPECT(ane::Fp32ToFp16(middle) == (h % 2 == 0 ? h : h + 1));
    EXPECT(ane::Fp32ToFp16(std::nextafter(middle, 0.0f)) == h);
    EXPECT(ane::Fp32ToFp16(std::nextafter(middle, 1e6f)) == h + 1);
  }
  const int64_t n = static_cast<int64_t>(in.size());
  for (const VecTable* table : Tables()) {
    std::vector<uint16_t> out(n);
    table->fp32_to_fp16(out.data(), in.data(), n);
    std::vector<float> rounded = in;
    table->round_fp16(rounded.data(), n);
    bool same = true;
    for (int64_t i = 0; i < n; ++i) {
      same = same && out[i] == ane::Fp32ToFp16(in[i]) && SameBits(rounded[i], ane::Fp16ToFp32(out[i]));
    }
    EXPECT(same);
  }
}

TEST(element_wise_functions_match_scalar_arithmetic_on_any_size) {
  for (const VecTable* table : Tables()) {
    for (int64_t n : kSizes) {
      const auto a = Values(n, 1), b = Values(n, 2);
      // One element of slack behind must stay untouched.
      std::vector<float> out(n + 1, 42.0f);
      const auto matches = [&](auto function) {
        bool same = out[n] == 42.0f;
        for (int64_t i = 0; i < n; ++i) same = same && SameBits(out[i], function(a[i], b[i]));
        return same;
      };
      table->add(out.data(), a.data(), b.data(), n);
      EXPECT(matches([](float x, float y) { return x + y; }));
      table->sub(out.data(), a.data(), b.data(), n);
      EXPECT(matches([](float x, float y) { return x - y; }));
      table->mul(out.data(), a.data(), b.data(), n);
      EXPECT(matches([](float x, float y) { return x * y; }));
      table->div(out.data(), a.data(), b.data(), n);
      EXPECT(matches([](float x, float y) { return x / y; }));
      table->maximum(out.data(), a.data(), b.data(), n);
      EXPECT(matches([](float x, float y) { return x != x || y != y ? kNan : x > y ? x : y; }));
      table->minimum(out.data(), a.data(), b.data(), n);
      EXPECT(matches([](float x, float y) { return x != x || y != y ? kNan : x < y ? x : y; }));
      table->add_scalar(out.data(), a.data(), 1.25f, n);
      EXPECT(matches([](float x, float) { return x + 1.25f; }));
      table->mul_scalar(out.data(), a.data(), -0.3f, n);
      EXPECT(matches([](float x, float) { return x * -0.3f; }));
      table->sqrt(out.data(), a.data(), n);
      EXPECT(matches([](float x, float) { return std::sqrt(x); }));
      table->rsqrt(out.data(), a.data(), n);
      EXPECT(matches([](float x, float) { return 1.0f / std::sqrt(x); }));
      table->relu(out.data(), a.data(), n);
      EXPECT(matches([](float x, float) { return x <= 0 ? 0.0f : x; }));
      table->abs(out.data(), a.data(), n);
      EXPECT(matches([](float x, float) { return std::fabs(x); }));
      std::copy(b.begin(), b.end(), out.begin());
      table->axpy(out.data(), 0.7f, a.data(), n);
      EXPECT(matches([](float x, float y) { return y + 0.7f * x; }));
      // In place.
      std::copy(a.begin(), a.end(), out.begin());
      table->add(out.data(), out.data(), b.data(), n);
      EXPECT(matches([](float x, float y) { return x + y; }));
    }
  }
}

TEST(rounded_functions_round_what_the_others_give) {
  using ane::VecElementwise;
  using Binary = void (*)(float*, const float*, const float*, int64_t);
  using Scalar = void (*)(float*, const float*, float, int64_t);
  for (const VecTable* table : Tables()) {
    const VecElementwise &plain = *table, &rounded = table->rounded;
    for (int64_t n : kSizes) {
      const auto a = Values(n, 5), b = Values(n, 6);
      std::vector<float> want(n), got(n + 1, 42.0f);
      const auto same = [&] {
        table->round_fp16(want.data(), n);
        bool all = got[n] == 42.0f;
        for (int64_t i = 0; i < n; ++i) all = all && SameBits(want[i], got[i]);
        return all;
      };
      for (Unary VecElementwise::*f :
           {&VecElementwise::exp, &VecElementwise::sigmoid, &VecElementwise::tanh, &VecElementwise::silu,
            &VecElementwise::sqrt, &VecElementwise::rsqrt, &VecElementwise::relu, &VecElementwise::abs}) {
        (plain.*f)(want.data(), a.data(), n);
        (rounded.*f)(got.data(), a.data(), n);
        EXPECT(same());
      }
      for (Binary VecElementwise::*f : {&VecElementwise::add, &VecElementwise::sub, &VecElementwise::mul,
                                        &VecElementwise::div, &VecElementwise::maximum, &VecElementwise::minimum}) {
        (plain.*f)(want.data(), a.data(), b.data(), n);
        (rounded.*f)(got.data(), a.data(), b.data(), n);
        EXPECT(same());
      }
      for (Scalar VecElementwise::*f : {&VecElementwise::add_scalar, &VecElementwise::mul_scalar}) {
        (plain.*f)(want.data(), a.data(), -0.7f, n);
        (rounded.*f)(got.data(), a.data(), -0.7f, n);
        EXPECT(same());
      }
    }
  }
}

TEST(exponential_functions_are_accurate_to_two_units_in_the_last_place) {
  for (const VecTable* table : Tables()) {
    EXPECT(WorstUlps(table->exp, [](double x) { return std::exp(x); }) < 1.5);
    EXPECT(WorstUlps(table->sigmoid, Logistic) < 2.5);
    EXPECT(WorstUlps(table->tanh, [](double x) { return std::tanh(x); }) < 2.0);
    EXPECT(WorstUlps(table->silu, [](double x) { return x * Logistic(x); }) < 2.8);
  }
}

TEST(exponential_functions_meet_their_limits) {
  const float in[] = {kInfinity, -kInfinity, kNan, 0.0f, -0.0f, 1e-45f, 200.0f, -200.0f};
  float out[8];
  for (const VecTable* table : Tables()) {
    table->exp(out, in, 8);
    EXPECT(out[0] == kInfinity && out[1] == 0.0f && std::isnan(out[2]) && out[3] == 1.0f && out[6] == kInfinity);
    table->sigmoid(out, in, 8);
    EXPECT(out[0] == 1.0f && out[1] == 0.0f && std::isnan(out[2]) && out[3] == 0.5f && out[6] == 1.0f &&
           out[7] == 0.0f);
    table->tanh(out, in, 8);
    EXPECT(out[0] == 1.0f && out[1] == -1.0f && std::isnan(out[2]) && out[5] == 1e-45f && out[7] == -1.0f);
    EXPECT(std::signbit(out[4]) && !std::signbit(out[3]));
    table->silu(out, in, 8);
    EXPECT(out[0] == kInfinity && std::isnan(out[2]) && out[3] == 0.0f && out[6] == 200.0f && out[7] == 0.0f);
    EXPECT(out[1] == 0.0f);
  }
}

TEST(every_table_gives_the_same_bits) {
  const auto tables = Tables();
  for (int64_t n : kSizes) {
    const auto a = Values(n, 3);
    std::vector<float> finite(n), other(n);
    for (int64_t i = 0; i < n; ++i) finite[i] = std::sin(static_cast<float>(i * 7 + 1)) * 3;
    for (int64_t i = 0; i < n; ++i) other[i] = std::cos(static_cast<float>(i * 5 + 2));
    const VecTable& base = *FindVec("portable");
    for (const VecTable* table : tables) {
      for (Unary VecTable::*function : {&VecTable::exp, &VecTable::sigmoid, &VecTable::tanh, &VecTable::silu}) {
        std::vector<float> x(n), y(n);
        (table->*function)(x.data(), a.data(), n);
        (base.*function)(y.data(), a.data(), n);
        bool same = true;
        for (int64_t i = 0; i < n; ++i) same = same && SameBits(x[i], y[i]);
        EXPECT(same);
      }
      EXPECT(SameBits(table->reduce_sum(finite.data(), n), base.reduce_sum(finite.data(), n)));
      EXPECT(SameBits(table->dot(finite.data(), other.data(), n), base.dot(finite.data(), other.data(), n)));
      EXPECT(SameBits(table->reduce_max(finite.data(), n), base.reduce_max(finite.data(), n)));
      EXPECT(table->sum_squares(finite.data(), n) == base.sum_squares(finite.data(), n));
    }
  }
}

TEST(plus_zero_is_larger_than_minus_zero_wherever_they_stand) {
  for (const VecTable* table : Tables()) {
    for (int64_t n : kSizes) {
      if (n == 0) continue;
      std::vector<float> low(n, -0.0f), mixed(n, -0.0f), out(n);
      EXPECT(SameBits(table->reduce_max(low.data(), n), -0.0f));
      for (const int64_t at : {int64_t{0}, n / 2, n - 1}) {
        mixed[at] = 0.0f;
        EXPECT(SameBits(table->reduce_max(mixed.data(), n), 0.0f));
        for (const auto& [a, b] : {std::pair(&low, &mixed), std::pair(&mixed, &low)}) {
          table->maximum(out.data(), a->data(), b->data(), n);
          for (int64_t i = 0; i < n; ++i) EXPECT(SameBits(out[i], mixed[i]));
          table->minimum(out.data(), a->data(), b->data(), n);
          for (int64_t i = 0; i < n; ++i) EXPECT(SameBits(out[i], low[i]));
        }
        mixed[at] = -0.0f;
        if (n > 1) {
          mixed[(at + 1) % n] = -1.0f;
          EXPECT(SameBits(table->reduce_max(mixed.data(), n), -0.0f));
          mixed[(at + 1) % n] = -0.0f;
        }
      }
    }
  }
}

TEST(reductions_match_sums_in_double_precision) {
  for (const VecTable* table : Tables()) {
    for (int64_t n : kSizes) {
      std::vector<float> a(n), b(n);
      double sum = 0, dot = 0, squares = 0;
      float best = -kInfinity;
      for (int64_t i = 0; i < n; ++i) {
        a[i] = std::sin(static_cast<float>(i + 1)) * 10;
        b[i] = std::cos(static_cast<float>(3 * i));
        sum += a[i];
        dot += static_cast<double>(a[i]) * b[i];
        squares += static_cast<double>(a[i]) * a[i];
        best = std::max(best, a[i]);
      }
      EXPECT(std::abs(table->reduce_sum(a.data(), n) - sum) <= 1e-5 * (n + 1));
      EXPECT(std::abs(table->dot(a.data(), b.data(), n) - dot) <= 1e-5 * (n + 1));
      EXPECT(std::abs(table->sum_squares(a.data(), n) - squares) <= 1e-12 * (squares + 1));
      EXPECT(table->reduce_max(a.data(), n) == best);
      if (n > 0) {
        a[n / 2] = kNan;
        EXPECT(std::isnan(table->reduce_sum(a.data(), n)));
        EXPECT(std::isnan(table->reduce_max(a.data(), n)));
        a[n / 2] = -5;
        a[n - 1] = kNan;
        EXPECT(std::isnan(table->reduce_max(a.data(), n)));
        a[n / 2] = kNan;
        EXPECT(std::isnan(table->sum_squares(a.data(), n)));
      }
    }
  }
}

TEST(rows_of_a_softmax_give_the_bits_of_its_steps) {
  for (const VecTable* table : Tables()) {
    for (int64_t n : kSizes) {
      for (const bool round : {false, true}) {
        const ane::VecElementwise& steps = round ? table->rounded : *table;
        const auto a = Values(n, 8), weights = Values(n, 9);
        std::vector<float> want = a, got = a, products(n);
        got.push_back(42.0f);
        const auto same = [&] {
          bool all = got[n] == 42.0f;
          for (int64_t i = 0; i < n; ++i) all = all && SameBits(want[i], got[i]);
          return all;
        };
        if (round) table->round_fp16(want.data(), n);
        steps.mul_scalar(want.data(), want.data(), 0.3f, n);
        EXPECT(SameBits(table->scale_max(got.data(), 0.3f, round, n), table->reduce_max(want.data(), n)));
        EXPECT(same());

        table->add_scalar(want.data(), want.data(), -1.5f, n);
        table->exp(want.data(), want.data(), n);
        EXPECT(SameBits(table->exp_sum(got.data(), 1.5f, n), table->reduce_sum(want.data(), n)));
        EXPECT(same());

        std::copy(a.begin(), a.end(), want.begin());
        std::copy(a.begin(), a.end(), got.begin());
        if (round) table->round_fp16(want.data(), n);
        steps.mul(products.data(), want.data(), weights.data(), n);
        EXPECT(SameBits(table->round_dot(got.data(), weights.data(), round, n), table->reduce_sum(products.data(), n)));
        EXPECT(same());

        steps.add_scalar(want.data(), want.data(), -0.25f, n);
        steps.mul(want.data(), want.data(), weights.data(), n);
        steps.mul_scalar(want.data(), want.data(), 0.3f, n);
        table->softmax_gradient(got.data(), weights.data(), 0.25f, 0.3f, round, n);
        EXPECT(same());
      }
    }
  }
}

TEST(the_largest_half_is_found_by_its_bits) {
  for (const VecTable* table : Tables()) {
    for (int64_t n : kSizes) {
      std::vector<uint16_t> halves(n);
      for (int64_t i = 0; i < n; ++i) halves[i] = static_cast<uint16_t>(i * 40503u % 0x7c00u | (i % 2) << 15);
      uint16_t largest = 0;
      for (uint16_t half : halves) largest = std::max<uint16_t>(largest, half & 0x7fff);
      EXPECT(table->largest_half(halves.data(), n) == largest);
      for (const uint16_t top : {0x7c00, 0xfc00, 0x7e01, 0xfe01}) {
        for (const int64_t at : {int64_t{0}, n / 2, n - 1}) {
          if (n == 0) continue;
          auto changed = halves;
          changed[at] = top;
          EXPECT(table->largest_half(changed.data(), n) == (top & 0x7fff));
        }
      }
    }
  }
}

TEST(adamw_follows_the_formula) {
  for (const VecTable* table : Tables()) {
    for (int64_t n : kSizes) {
      std::vector<float> param(n), grad(n), m(n), v(n);
      for (int64_t i = 0; i < n; ++i) {
        param[i] = std::sin(static_cast<float>(i));
        grad[i] = std::cos(static_cast<float>(i)) * 4;
        m[i] = 0.1f * param[i];
        v[i] = 0.01f * param[i] * param[i];
      }
      auto p2 = param, m2 = m, v2 = v;
      const ane::AdamwNumbers numbers = {1e-3, 0.9, 0.95, 1e-8, 0.1, 0.271, 0.142625, 0.25};
      table->adamw(p2.data(), grad.data(), m2.data(), v2.data(), nullptr, n, numbers);
      bool close = true;
      for (int64_t i = 0; i < n; ++i) {
        const double g = grad[i] * 0.25;
        const double dm = 0.9 * m[i] + 0.1 * g, dv = 0.95 * v[i] + 0.05 * g * g;
        const double p = param[i] * (1 - 1e-4) - 1e-3 * (dm / 0.271) / (std::sqrt(dv / 0.142625) + 1e-8);
        close = close && std::abs(p2[i] - p) < 1e-6 && std::abs(m2[i] - dm) < 1e-6 && std::abs(v2[i] - dv) < 1e-6;
      }
      EXPECT(close);
    }
  }
}

TEST(adamw_stages_the_rounded_parameter_at_any_alignment_and_nothing_beside_it) {
  const ane::AdamwNumbers numbers = {1e-3, 0.9, 0.95, 1e-8, 0.1, 0.271, 0.142625, 0.25};
  const float special[] = {NAN, INFINITY, -INFINITY, 1e-7f, -3e-8f, 65519.0f, 65521.0f, 0.0f};
  for (const VecTable* table : Tables()) {
    for (int64_t n : kSizes) {
      std::vector<float> param(n), grad(n, 0.0f), m(n, 0.0f), v(n, 0.0f);
      for (int64_t i = 0; i < n; ++i) param[i] = i % 5 == 0 ? special[i / 5 % 8] : std::sin(static_cast<float>(i));
      auto alone = param, m1 = m, v1 = v;
      table->adamw(alone.data(), grad.data(), m1.data(), v1.data(), nullptr, n, numbers);
      for (int64_t offset : {0, 1, 5, 16, 31}) {
        auto p2 = param, m2 = m, v2 = v;
        std::vector<uint16_t> staged(n + 64, 0x1234);
        table->adamw(p2.data(), grad.data(), m2.data(), v2.data(), staged.data() + offset, n, numbers);
        bool same = true;
        for (int64_t i = 0; i < n; ++i) {
          same = same && std::memcmp(&p2[i], &alone[i], sizeof(float)) == 0;
          same = same && staged[offset + i] == ane::Fp32ToFp16(p2[i]);
        }
        for (int64_t i = 0; i < n + 64; ++i) same = same && ((i >= offset && i < offset + n) || staged[i] == 0x1234);
        EXPECT(same);
      }
    }
  }
}
