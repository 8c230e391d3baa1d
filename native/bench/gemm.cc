// Matrix products of one Stories110M training step beside the processor's own fp32 multiply-add peak, as JSON.
//
// Usage: gemm [threads] [repeats]
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "base/fp16.h"
#include "base/thread_pool.h"
#include "kernels/gemm.h"
#include "kernels/vec.h"

namespace {

using ane::Dtype;

double Now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

constexpr int kChains = 16;  // more than latency times width on every processor known

// Each returns the multiply-adds done; the result goes to `sink` so that nothing is left out.
#if defined(__x86_64__)
__attribute__((target("avx512f"))) int64_t FmaAvx512(int64_t n, float* sink) {
  __m512 sums[kChains];
#pragma GCC unroll 16
  for (int i = 0; i < kChains; ++i) sums[i] = _mm512_set1_ps(static_cast<float>(i));
  const __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(1e-3f);
  for (int64_t k = 0; k < n; ++k) {
#pragma GCC unroll 16
    for (int i = 0; i < kChains; ++i) __asm__ volatile("vfmadd213ps %2, %1, %0" : "+v"(sums[i]) : "v"(a), "v"(b));
  }
#pragma GCC unroll 16
  for (int i = 0; i < kChains; ++i) *sink += sums[i][0];
  return n * kChains * 16;
}
__attribute__((target("avx2,fma"))) int64_t FmaAvx2(int64_t n, float* sink) {
  constexpr int kFew = 12;  // sixteen registers in all
  __m256 sums[kFew];
#pragma GCC unroll 16
  for (int i = 0; i < kFew; ++i) sums[i] = _mm256_set1_ps(static_cast<float>(i));
  const __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(1e-3f);
  for (int64_t k = 0; k < n; ++k) {
#pragma GCC unroll 16
    for (int i = 0; i < kFew; ++i) __asm__ volatile("vfmadd213ps %2, %1, %0" : "+x"(sums[i]) : "x"(a), "x"(b));
  }
#pragma GCC unroll 16
  for (int i = 0; i < kFew; ++i) *sink += sums[i][0];
  return n * kFew * 8;
}
#elif defined(__aarch64__)
int64_t FmaNeon(int64_t n, float* sink) {
  float32x4_t sums[kChains];
#pragma GCC unroll 16
  for (int i = 0; i < kChains; ++i) sums[i] = vdupq_n_f32(static_cast<float>(i));
  const float32x4_t a = vdupq_n_f32(0.999f), b = vdupq_n_f32(1e-3f);
  for (int64_t k = 0; k < n; ++k) {
#pragma GCC unroll 16
    for (int i = 0; i < kChains; ++i) __asm__ volatile("fmla %0.4s, %1.4s, %2.4s" : "+w"(sums[i]) : "w"(a), "w"(b));
  }
#pragma GCC unroll 16
  for (int i = 0; i < kChains; ++i) *sink += sums[i][0];
  return n * kChains * 4;
}
#endif

int64_t Fma(int64_t n, float* sink) {
  const std::string_view isa = ane::Vec().isa;
#if defined(__x86_64__)
  if (isa == "avx512") return FmaAvx512(n, sink);
  if (isa == "avx2") return FmaAvx2(n, sink);
#elif defined(__aarch64__)
  if (isa == "neon") return FmaNeon(n, sink);
#endif
  *sink = static_cast<float>(n);
  return 0;
}

// GFLOP/s of all threads together, the median of several runs; 0 when the instruction set has no measure.
double Peak(ane::ThreadPool& pool, int repeats) {
  std::vector<double> rates;
  for (int r = 0; r < repeats; ++r) {
    const int64_t pieces = 8 * pool.threads();
    std::vector<float> sinks(pieces);
    std::vector<int64_t> done(pieces);
    const double start = Now();
    pool.ParallelFor(pieces, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) done[i] = Fma(1000000, &sinks[i]);
    });
    const double seconds = Now() - start;
    double flops = 0;
    for (int64_t d : done) flops += 2.0 * static_cast<double>(d);
    rates.push_back(flops / seconds * 1e-9);
  }
  std::nth_element(rates.begin(), rates.begin() + repeats / 2, rates.end());
  return rates[repeats / 2];
}

struct Shape {
  const char* name;
  int64_t out, in;
  int count;  // in one step of Stories110M
};
constexpr Shape kShapes[] = {
    {"768x768", 768, 768, 48}, {"2048x768", 2048, 768, 24}, {"768x2048", 768, 2048, 12}, {"32000x768", 32000, 768, 1}};
constexpr int64_t kColumns = 256;

// Two copies are enough to keep the large matrices out of the caches between runs, as in a real step.
struct Operand {
  std::vector<uint16_t> half;
  explicit Operand(int64_t n) : half(n) {
    uint32_t state = 12345;
    for (auto& h : half) {
      state = state * 1664525u + 1013904223u;
      h = ane::Fp32ToFp16(static_cast<float>(static_cast<int32_t>(state)) * 0x1p-33f);
    }
  }
};

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : ane::ThreadPool::AvailableCores();
  const int repeats = argc > 2 ? std::atoi(argv[2]) : 9;
  ane::ThreadPool pool(threads);
  const double peak = Peak(pool, repeats);
  std::printf("{\"isa\": \"%s\", \"threads\": %d, \"peak_gflops\": %.1f, \"products\": [", ane::Vec().isa,
              pool.threads(), peak);

  double step_seconds = 0, best_seconds = 0, step_flops = 0;
  const char* separator = "\n";
  for (const Shape& shape : kShapes) {
    Operand w(shape.out * shape.in), x(shape.in * kColumns), dy(shape.out * kColumns);
    std::vector<uint16_t> y(shape.out * kColumns), dx(shape.in * kColumns);
    std::vector<float> dw(shape.out * shape.in);
    const ane::ConstMatrix w_view{w.half.data(), Dtype::kFp16, shape.out, shape.in, shape.in, 1};
    const ane::ConstMatrix wt_view{w.half.data(), Dtype::kFp16, shape.in, shape.out, 1, shape.in};
    const ane::ConstMatrix x_view{x.half.data(), Dtype::kFp16, shape.in, kColumns, kColumns, 1};
    const ane::ConstMatrix xt_view{x.half.data(), Dtype::kFp16, kColumns, shape.in, 1, kColumns};
    const ane::ConstMatrix dy_view{dy.half.data(), Dtype::kFp16, shape.out, kColumns, kColumns, 1};
    const ane::Matrix y_view{y.data(), Dtype::kFp16, shape.out, kColumns, kColumns, 1};
    const ane::Matrix dx_view{dx.data(), Dtype::kFp16, shape.in, kColumns, kColumns, 1};
    const ane::Matrix dw_view{dw.data(), Dtype::kFp32, shape.out, shape.in, shape.in, 1};
    const double flops = 2.0 * static_cast<double>(shape.out * shape.in * kColumns);
    for (int kind = 0; kind < 3; ++kind) {
      std::vector<double> times;
      for (int r = 0; r < repeats + 1; ++r) {
        const double start = Now();
        if (kind == 0) ane::Gemm(pool, w_view, x_view, y_view, false);
        if (kind == 1) ane::Gemm(pool, wt_view, dy_view, dx_view, false);
        if (kind == 2) ane::Gemm(pool, dy_view, xt_view, dw_view, true);
        if (r > 0) times.push_back(Now() - start);
      }
      std::sort(times.begin(), times.end());
      const double median = times[times.size() / 2];
      step_seconds += median * shape.count;
      step_flops += flops * shape.count;
      const char* names[] = {"forward", "backward_input", "backward_weight"};
      std::printf(
          "%s  {\"shape\": \"%s\", \"kind\": \"%s\", \"ms\": %.3f, \"best_ms\": %.3f, \"gflops\": %.1f, "
          "\"percent_of_peak\": %.1f}",
          separator, shape.name, names[kind], median * 1e3, times[0] * 1e3, flops / median * 1e-9,
          peak > 0 ? 100 * flops / median * 1e-9 / peak : 0.0);
      best_seconds += times[0] * shape.count;
      separator = ",\n";
    }
  }
  const double rate = step_flops / step_seconds * 1e-9;
  const double peak_after = Peak(pool, repeats);
  std::printf(
      "\n], \"step\": {\"ms\": %.1f, \"best_ms\": %.1f, \"gflops\": %.1f, \"percent_of_peak\": %.1f}, "
      "\"peak_gflops_after\": %.1f}\n",
      step_seconds * 1e3, best_seconds * 1e3, rate, peak > 0 ? 100 * rate / peak : 0.0, peak_after);
  return 0;
}
