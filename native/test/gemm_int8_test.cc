// Products of int8 against plain loops.
#include <vector>

#include "base/fp16.h"
#include "check.h"
#include "kernels/gemm_int8.h"

namespace {

using ane::Dtype;

uint8_t NextByte(uint32_t* seed) {
  *seed = *seed * 1664525u + 1013904223u;
  return static_cast<uint8_t>(*seed >> 24);
}

enum class Layout { kRows, kColumns, kApart };

struct Strides {
  int64_t row, column, size;
};
Strides StridesOf(Layout layout, int64_t rows, int64_t columns) {
  if (layout == Layout::kRows) return {columns + 3, 1, rows * (columns + 3)};
  if (layout == Layout::kColumns) return {1, rows + 5, columns * (rows + 5)};
  return {2 * columns, 2, 2 * rows * columns};
}

bool Correct(ane::ThreadPool& pool, const ane::Int8Kernel& kernel, int64_t m, int64_t n, int64_t k, bool is_signed,
             int32_t zero, Layout of_columns, Layout of_out, Dtype dtype) {
  uint32_t seed = static_cast<uint32_t>(m * 977 + n * 31 + k);
  std::vector<int8_t> rows(static_cast<size_t>(m * k));
  for (int8_t& x : rows) x = static_cast<int8_t>(NextByte(&seed));
  const Strides b = StridesOf(of_columns, k, n), o = StridesOf(of_out, m, n);
  std::vector<uint8_t> columns(static_cast<size_t>(b.size));
  for (uint8_t& x : columns) x = NextByte(&seed);
  std::vector<float> scales(static_cast<size_t>((m + 11) / 12 * 12));
  for (size_t r = 0; r < scales.size(); ++r) scales[r] = 0x1p-20f * static_cast<float>(r + 1);
  std::vector<uint8_t> out(static_cast<size_t>(o.size) * ane::SizeOf(dtype), 0xAA), before = out;

  const ane::Int8Rows packed(kernel, rows.data(), m, k);
  ane::GemmInt8(pool, packed, {columns.data(), is_signed, zero, n, b.row, b.column}, scales.data(),
                {out.data(), dtype, m, n, o.row, o.column});
  for (int64_t r = 0; r < m; ++r) {
    for (int64_t c = 0; c < n; ++c) {
      int64_t sum = 0;
      for (int64_t i = 0; i < k; ++i) {
        const uint8_t byte = columns[static_cast<size_t>(i * b.row + c * b.column)];
        sum += rows[static_cast<size_t>(r * k + i)] * ((is_signed ? static_cast<int8_t>(byte) : int{byte}) - zero);
      }
      const float wanted = static_cast<float>(sum) * scales[static_cast<size_t>(r)];
      uint8_t* to = before.data() + static_cast<size_t>(r * o.row + c * o.column) * ane::SizeOf(dtype);
      if (dtype == Dtype::kFp16) {
        *reinterpret_cast<uint16_t*>(to) = ane::Fp32ToFp16(wanted);
      } else {
        *reinterpret_cast<float*>(to) = wanted;
      }
    }
  }
  return out == before;  // nor is anything written between the elements
}

}  // namespace

TEST(int8_products_are_exact_for_every_size_layout_and_zero_point) {
  for (const ane::Int8Kernel* kernel : ane::Int8Gemms()) {
    const auto correct = [&](ane::ThreadPool& pool, int64_t m, int64_t n, int64_t k) {
      return Correct(pool, *kernel, m, n, k, true, 0, Layout::kRows, Layout::kRows, Dtype::kFp32) &&
             Correct(pool, *kernel, m, n, k, false, 131, Layout::kRows, Layout::kRows, Dtype::kFp16) &&
             Correct(pool, *kernel, m, n, k, true, -128, Layout::kColumns, Layout::kColumns, Dtype::kFp16) &&
             Correct(pool, *kernel, m, n, k, false, 255, Layout::kApart, Layout::kApart, Dtype::kFp32);
    };
    for (int threads : {1, 3}) {
      ane::ThreadPool pool(threads);
      for (int64_t m : {1, 7, 12, 33}) {
        for (int64_t n : {1, 3, 17, 32, 65}) {
          for (int64_t k : {1, 3, 4, 17, 255, 257}) {
            if (correct(pool, m, n, k)) continue;
            std::printf("%s, m %d, n %d, k %d\n", kernel->isa, int(m), int(n), int(k));
            EXPECT(false);
          }
        }
      }
    }
  }
}

TEST(int8_products_of_extreme_numbers_neither_overflow_nor_saturate) {
  ane::ThreadPool pool(1);
  const int64_t k = 32767;  // 32767 · 128 · 512 < 2^31
  const std::vector<float> scales(ane::kInt8Rows, 1);
  for (const ane::Int8Kernel* kernel : ane::Int8Gemms()) {
    for (int number : {-128, 127}) {
      const std::vector<int8_t> row(static_cast<size_t>(k), static_cast<int8_t>(number));
      const ane::Int8Rows packed(*kernel, row.data(), 1, k);
      for (uint8_t byte : {0, 127, 128, 255}) {
        const std::vector<uint8_t> column(static_cast<size_t>(k), byte);
        for (bool is_signed : {false, true}) {
          for (int zero : {is_signed ? -128 : 0, is_signed ? 127 : 255}) {
            float out = 0;
            ane::GemmInt8(pool, packed, {column.data(), is_signed, zero, 1, 1, 1}, scales.data(),
                          {&out, Dtype::kFp32, 1, 1, 1, 1});
            const int64_t code = is_signed ? static_cast<int8_t>(byte) : int64_t{byte};
            EXPECT(out == static_cast<float>(number * (code - zero) * k));
          }
        }
      }
    }
  }
}
