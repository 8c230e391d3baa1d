// One element of any type as a double, for kernels where speed does not matter.
#pragma once

#include <cmath>
#include <cstring>

#include "base/dtype.h"
#include "base/fp16.h"

namespace ane::engine {

// Rounds to nearest even once: going through a float rounded to odd loses nothing.
inline uint16_t Fp16FromDouble(double x) {
  float nearest = static_cast<float>(x);
  if (static_cast<double>(nearest) != x && nearest == nearest && !std::isinf(nearest)) {
    uint32_t bits = __builtin_bit_cast(uint32_t, nearest);
    if (std::fabs(static_cast<double>(nearest)) > std::fabs(x)) --bits;
    nearest = __builtin_bit_cast(float, bits | 1u);
  }
  return Fp32ToFp16(nearest);
}

template <typename T>
T LoadAs(const void* data, int64_t index) {
  T value;
  std::memcpy(&value, static_cast<const char*>(data) + index * int64_t(sizeof(T)), sizeof(T));
  return value;
}

template <typename T>
void StoreAs(void* data, int64_t index, T value) {
  std::memcpy(static_cast<char*>(data) + index * int64_t(sizeof(T)), &value, sizeof(T));
}

inline double LoadDouble(const void* data, Dtype dtype, int64_t index) {
  switch (dtype) {
    case Dtype::kFp16: return Fp16ToFp32(LoadAs<uint16_t>(data, index));
    case Dtype::kFp32: return LoadAs<float>(data, index);
    case Dtype::kFp64: return LoadAs<double>(data, index);
    case Dtype::kInt8: return LoadAs<int8_t>(data, index);
    case Dtype::kUint8: return LoadAs<uint8_t>(data, index);
    case Dtype::kInt16: return LoadAs<int16_t>(data, index);
    case Dtype::kUint16: return LoadAs<uint16_t>(data, index);
    case Dtype::kInt32: return LoadAs<int32_t>(data, index);
    case Dtype::kUint32: return LoadAs<uint32_t>(data, index);
    case Dtype::kInt64: return static_cast<double>(LoadAs<int64_t>(data, index));
    case Dtype::kUint64: return static_cast<double>(LoadAs<uint64_t>(data, index));
    case Dtype::kBool: return LoadAs<uint8_t>(data, index) != 0;
    case Dtype::kString: return 0;
  }
  return 0;
}

// Truncates toward zero and keeps the low 64 bits; what has none, infinity or NaN, becomes 0.
inline int64_t ToInteger(double x) {
  constexpr double kHalf = 9223372036854775808.0;  // 2^63
  if (std::fabs(x) < kHalf) return static_cast<int64_t>(x);
  const double low = std::fmod(x, 2 * kHalf);
  if (low != low) return 0;
  return static_cast<int64_t>(low >= kHalf ? low - 2 * kHalf : low < -kHalf ? low + 2 * kHalf : low);
}

// Floats round to nearest even; integers truncate toward zero and keep the low bits; bool is "not
// zero".
inline void StoreDouble(void* data, Dtype dtype, int64_t index, double x) {
  switch (dtype) {
    case Dtype::kFp16: return StoreAs<uint16_t>(data, index, Fp16FromDouble(x));
    case Dtype::kFp32: return StoreAs<float>(data, index, static_cast<float>(x));
    case Dtype::kFp64: return StoreAs<double>(data, index, x);
    case Dtype::kInt8:
    case Dtype::kUint8: return StoreAs<uint8_t>(data, index, uint8_t(ToInteger(x)));
    case Dtype::kInt16:
    case Dtype::kUint16: return StoreAs<uint16_t>(data, index, uint16_t(ToInteger(x)));
    case Dtype::kInt32:
    case Dtype::kUint32: return StoreAs<uint32_t>(data, index, uint32_t(ToInteger(x)));
    case Dtype::kInt64:
    case Dtype::kUint64: return StoreAs<int64_t>(data, index, ToInteger(x));
    case Dtype::kBool: return StoreAs<uint8_t>(data, index, x != 0);
    case Dtype::kString: return;
  }
}

inline bool IsFloat(Dtype t) { return t == Dtype::kFp16 || t == Dtype::kFp32; }

}  // namespace ane::engine
