#include "engine/literal.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "engine/scalar.h"

namespace ane::engine {
namespace {

template <typename T>
void Append(T value, std::vector<uint8_t>* bytes) {
  const size_t at = bytes->size();
  bytes->resize(at + sizeof(T));
  std::memcpy(bytes->data() + at, &value, sizeof(T));
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// `text` follows the "0x". More than 16 significant digits are refused: no element type needs them.
bool ParseHexFloat(std::string_view text, double* out) {
  uint64_t mantissa = 0;
  int exponent = 0, digits = 0;
  bool point = false;
  size_t i = 0;
  for (; i < text.size() && (text[i] | 32) != 'p'; ++i) {
    if (text[i] == '.' && !point) {
      point = true;
      continue;
    }
    const int digit = HexDigit(text[i]);
    if (digit < 0 || (mantissa >> 60) != 0) return false;
    mantissa = mantissa * 16 + uint64_t(digit);
    if (point) exponent -= 4;
    ++digits;
  }
  if (digits == 0 || digits > 64 || i >= text.size()) return false;
  ++i;
  if (i < text.size() && text[i] == '+') ++i;
  int power = 0;
  const auto [end, error] = std::from_chars(text.data() + i, text.data() + text.size(), power);
  if (error != std::errc() || end != text.data() + text.size() || std::abs(power) > 4096)
    return false;
  *out = std::ldexp(double(mantissa), exponent + power);
  return true;
}

template <typename T>
bool ParseDecimal(std::string_view text, T* out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  if (end != text.data() + text.size()) return false;
  if (error == std::errc::result_out_of_range) {
    // Too large or too small for T; the wider type tells which.
    double wide = 0;
    const auto again = std::from_chars(text.data(), text.data() + text.size(), wide);
    if (again.ec != std::errc()) return false;
    *out = T(wide);
    return true;
  }
  return error == std::errc();
}

template <typename T>
bool ParseFloat(std::string_view text, T* out) {
  const bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  if (text.empty() || text[0] == '-' || text[0] == '+') return false;
  if (text == "inf") {
    *out = std::numeric_limits<T>::infinity();
  } else if (text == "nan") {
    *out = std::numeric_limits<T>::quiet_NaN();
  } else if (text.size() > 2 && text[0] == '0' && (text[1] | 32) == 'x') {
    double value = 0;
    if (!ParseHexFloat(text.substr(2), &value)) return false;
    *out = T(value);
  } else if (!ParseDecimal(text, out)) {
    return false;
  }
  if (negative) *out = -*out;
  return true;
}

template <typename T>
bool AppendInteger(std::string_view text, int bits, std::vector<uint8_t>* bytes) {
  if (!text.empty() && text[0] == '+') return false;
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  if (bits > 0) {
    const int64_t low = std::is_signed_v<T> ? -(int64_t(1) << (bits - 1)) : 0;
    const int64_t high = (int64_t(1) << (std::is_signed_v<T> ? bits - 1 : bits)) - 1;
    if (int64_t(value) < low || int64_t(value) > high) return false;
  }
  Append(value, bytes);
  return true;
}

}  // namespace

bool ParseDouble(std::string_view text, double* out) { return ParseFloat(text, out); }

bool ParseInteger(std::string_view text, int64_t* out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

bool AppendNumber(std::string_view text, Dtype dtype, int bits, std::vector<uint8_t>* bytes) {
  float f32 = 0;
  double f64 = 0;
  switch (dtype) {
    case Dtype::kFp16:
      if (!ParseFloat(text, &f64)) return false;
      Append(Fp16FromDouble(f64), bytes);
      return true;
    case Dtype::kFp32:
      if (!ParseFloat(text, &f32)) return false;
      Append(f32, bytes);
      return true;
    case Dtype::kFp64:
      if (!ParseFloat(text, &f64)) return false;
      Append(f64, bytes);
      return true;
    case Dtype::kInt8: return AppendInteger<int8_t>(text, bits, bytes);
    case Dtype::kUint8: return AppendInteger<uint8_t>(text, bits, bytes);
    case Dtype::kInt16: return AppendInteger<int16_t>(text, bits, bytes);
    case Dtype::kUint16: return AppendInteger<uint16_t>(text, bits, bytes);
    case Dtype::kInt32: return AppendInteger<int32_t>(text, bits, bytes);
    case Dtype::kUint32: return AppendInteger<uint32_t>(text, bits, bytes);
    case Dtype::kInt64: return AppendInteger<int64_t>(text, bits, bytes);
    case Dtype::kUint64: return AppendInteger<uint64_t>(text, bits, bytes);
    case Dtype::kBool:
      if (text != "true" && text != "false") return false;
      bytes->push_back(text == "true");
      return true;
    case Dtype::kString: return false;
  }
  return false;
}

}  // namespace ane::engine
