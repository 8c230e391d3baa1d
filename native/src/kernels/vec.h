// Vector primitives, one table per instruction set, chosen once at run time.
//
// ISA-specific files include this header and nothing from the standard library that could be instantiated there.
#pragma once

#include <cstdint>

namespace ane {

struct GemmMicrokernel;     // see kernels/gemm_kernel.h
struct MatrixVectorKernel;  // see kernels/matrix_vector_kernel.h

struct AdamwNumbers {
  double lr, beta1, beta2, eps, weight_decay, bias1, bias2, scale;
};

// Element-wise operations; `b` of the _scalar forms is one number.
struct VecElementwise {
  void (*add)(float* out, const float* a, const float* b, int64_t n);
  void (*sub)(float* out, const float* a, const float* b, int64_t n);
  void (*mul)(float* out, const float* a, const float* b, int64_t n);
  void (*div)(float* out, const float* a, const float* b, int64_t n);
  // NaN if either is NaN; +0 is larger than -0.
  void (*maximum)(float* out, const float* a, const float* b, int64_t n);
  void (*minimum)(float* out, const float* a, const float* b, int64_t n);
  void (*add_scalar)(float* out, const float* a, float b, int64_t n);
  void (*mul_scalar)(float* out, const float* a, float b, int64_t n);
  void (*exp)(float* out, const float* a, int64_t n);
  void (*sigmoid)(float* out, const float* a, int64_t n);
  void (*tanh)(float* out, const float* a, int64_t n);
  void (*silu)(float* out, const float* a, int64_t n);
  void (*sqrt)(float* out, const float* a, int64_t n);
  void (*rsqrt)(float* out, const float* a, int64_t n);  // correctly 1/sqrt, not the estimate
  void (*relu)(float* out, const float* a, int64_t n);
  void (*abs)(float* out, const float* a, int64_t n);
};

// All arrays are contiguous unless a step is given; n may be any number including 0; in and out may be the same array.
struct VecTable : VecElementwise {
  VecElementwise rounded;  // the same, every result rounded to fp16
  const char* isa;  // "avx512", "avx2", "neon", "portable"

  // Conversion; to fp16 rounds to nearest even, overflow becomes infinity, NaN stays NaN, subnormals are kept.
  void (*fp16_to_fp32)(float* out, const uint16_t* in, int64_t n);
  void (*fp32_to_fp16)(uint16_t* out, const float* in, int64_t n);
  void (*round_fp16)(float* x, int64_t n);  // x = fp32(fp16(x)) in place

  // `rows` rows of n numbers, side by side in fp32, `step` elements apart in fp16.
  void (*load_halves)(float* out, const uint16_t* in, int64_t step, int64_t rows, int64_t n);
  void (*spread_halves)(float* out, const uint16_t* in, int64_t step, int64_t rows, int64_t n);  // one number a row
  void (*store_halves)(uint16_t* out, int64_t step, const float* in, int64_t rows, int64_t n);
  // out [n] combined with every row [rows, n] in turn.
  void (*add_rows)(float* out, const float* in, int64_t rows, int64_t n);
  void (*maximum_rows)(float* out, const float* in, int64_t rows, int64_t n);
  void (*minimum_rows)(float* out, const float* in, int64_t rows, int64_t n);

  void (*axpy)(float* out, float scale, const float* x, int64_t n);  // out += scale * x

  // Reductions in a fixed order that depends on n only.
  float (*reduce_sum)(const float* a, int64_t n);
  float (*reduce_max)(const float* a, int64_t n);  // as maximum of all
  float (*dot)(const float* a, const float* b, int64_t n);
  double (*sum_squares)(const float* a, int64_t n);
  uint16_t (*largest_half)(const uint16_t* a, int64_t n);  // largest magnitude of fp16 by its bits: NaN above infinity

  // Rows of a softmax and of its derivative, several steps in one visit; `round` takes every step's result to fp16.
  // x = x · scale; returns the largest, or a zero of either sign.
  float (*scale_max)(float* x, float scale, bool round, int64_t n);
  float (*exp_sum)(float* x, float shift, int64_t n);  // x = e^(x - shift); returns the sum, as reduce_sum
  // Rounds x; returns the sum of x · weights, as reduce_sum.
  float (*round_dot)(float* x, const float* weights, bool round, int64_t n);
  // x = (x - mean) · weights · scale
  void (*softmax_gradient)(float* x, const float* weights, float mean, float scale, bool round, int64_t n);

  // One AdamW update: see host/adamw.cc for the formula; `scale` multiplies the gradient first. The numbers are
  // combined in double precision and rounded once. `staged`, unless nullptr, receives the new parameter in fp16,
  // written past the caches where the processor can.
  void (*adamw)(float* param, const float* grad, float* m, float* v, uint16_t* staged, int64_t n,
                const AdamwNumbers& numbers);

  const GemmMicrokernel* gemm;
  const MatrixVectorKernel* matrix_vector;
};

// The best table this processor runs, or the one ANE_ISA names (avx512, avx2, portable, neon); an unknown or
// unsupported name gives nullptr from FindVec and is reported by the caller.
const VecTable& Vec();
const VecTable* FindVec(const char* isa);

}  // namespace ane
