// Scalar conversion between IEEE half and single precision.
//
// Every function is `static` so that a copy compiled with one instruction set is never linked into another.
#pragma once

#include <cstdint>

namespace ane {

// Exact; a signalling NaN becomes quiet, as the processors' own instructions do.
static inline float Fp16ToFp32(uint16_t h) {
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000u) << 16;
  const uint32_t exponent = (h >> 10) & 0x1fu;
  const uint32_t mantissa = h & 0x3ffu;
  uint32_t bits;
  if (exponent == 0x1f) {
    bits = sign | 0x7f800000u | (mantissa << 13) | (mantissa != 0 ? 0x400000u : 0u);
  } else if (exponent != 0) {
    bits = sign | ((exponent + 112) << 23) | (mantissa << 13);
  } else {
    // A subnormal is mantissa · 2^-24, exact in single precision.
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    bits = sign | __builtin_bit_cast(uint32_t, magnitude);
  }
  return __builtin_bit_cast(float, bits);
}

// Rounds to nearest even; overflow becomes infinity; NaN stays NaN with its upper payload bits, made quiet.
static inline uint16_t Fp32ToFp16(float x) {
  const uint32_t bits = __builtin_bit_cast(uint32_t, x);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  uint32_t half;
  if (magnitude > 0x7f800000u) {
    half = 0x7e00u | ((magnitude >> 13) & 0x3ffu);
  } else if (magnitude >= 0x477ff000u) {  // 65520 and above round to infinity
    half = 0x7c00u;
  } else if (magnitude >= 0x38800000u) {  // 2^-14 and above: normal
    half = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  } else {
    // Adding 0.5 leaves the value in units of 2^-24, rounded to nearest even by the addition itself.
    const float shifted = __builtin_bit_cast(float, magnitude) + 0.5f;
    half = __builtin_bit_cast(uint32_t, shifted) - 0x3f000000u;
  }
  return static_cast<uint16_t>(sign | half);
}

}  // namespace ane
