#include "kernels/matrix_vector.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "base/fp16.h"
#include "check.h"
#include "kernels/matrix_vector_kernel.h"
#include "kernels/vec.h"

using ane::FindVec;
using ane::MatrixVectorKernel;
using ane::VecTable;

namespace {

std::vector<const VecTable*> Tables() {
  std::vector<const VecTable*> tables;
  for (const char* isa : {"avx512", "avx2", "neon", "portable"}) {
    if (const VecTable* table = FindVec(isa)) tables.push_back(table);
  }
  return tables;
}

// The same numbers on every processor and with every standard library.
class Numbers {
 public:
  float Next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<float>(static_cast<int32_t>(state_ >> 40) - (1 << 23)) * 0x1p-22f;
  }
  std::vector<float> Take(int64_t n) {
    std::vector<float> values(n);
    for (float& value : values) value = Next();
    return values;
  }

 private:
  uint64_t state_ = 1;
};

std::vector<uint16_t> Halves(const std::vector<float>& values) {
  std::vector<uint16_t> halves(values.size());
  for (size_t i = 0; i < values.size(); ++i) halves[i] = ane::Fp32ToFp16(values[i]);
  return halves;
}

// One product: `lines` rows (or columns) of the matrix, each `length` contiguous numbers, 3 numbers between them. The
// arrays end where the matrix does, so that a sanitizer sees whoever reads on.
struct Case {
  bool by_rows;
  int64_t lines, length;
  int count;
  std::vector<float> single, vectors;
  std::vector<uint16_t> half;

  Case(bool rows, int64_t m, int64_t k, int columns, Numbers& numbers)
      : by_rows(rows), lines(rows ? m : k), length(rows ? k : m), count(columns) {
    single = numbers.Take(1 + lines * Stride() - 3);
    vectors = numbers.Take(count * k);
    half = Halves(single);
    for (size_t i = 0; i < half.size(); ++i) single[i] = ane::Fp16ToFp32(half[i]);
  }
  int64_t Stride() const { return length + 3; }
  int64_t M() const { return by_rows ? lines : length; }
  int64_t K() const { return by_rows ? length : lines; }
  int64_t Index(int64_t r, int64_t d) const { return 1 + (by_rows ? r * Stride() + d : r + d * Stride()); }

  std::vector<float> Run(const VecTable& table, bool fp16) const {
    const MatrixVectorKernel& kernel = *table.matrix_vector;
    const int64_t m = M(), k = K(), quarter = k / ane::kStreamsOfColumns;
    const int64_t whole = quarter * ane::kStreamsOfColumns;
    std::vector<float> sums(count * m, 0.0f);
    const float* v = vectors.data();
    if (by_rows && fp16) kernel.rows_fp16(sums.data(), m, &half[1], Stride(), m, k, v, count);
    if (by_rows && !fp16) kernel.rows_fp32(sums.data(), m, &single[1], Stride(), m, k, v, count);
    if (by_rows) return sums;
    for (int streams : {ane::kStreamsOfColumns, 1}) {
      const int64_t d = streams == 1 ? whole : 0, depth = streams == 1 ? k - whole : quarter;
      if (depth == 0) continue;
      if (fp16) {
        kernel.columns_fp16(sums.data(), m, &half[Index(0, d)], Stride(), m, streams, quarter, depth, v + d, k, count);
      } else {
        kernel.columns_fp32(sums.data(), m, &single[Index(0, d)], Stride(), m, streams, quarter, depth, v + d, k,
                            count);
      }
    }
    return sums;
  }

  bool Correct(const std::vector<float>& sums) const {
    for (int c = 0; c < count; ++c) {
      for (int64_t r = 0; r < M(); ++r) {
        double sum = 0, magnitude = 0;
        for (int64_t d = 0; d < K(); ++d) {
          const double term = double(single[Index(r, d)]) * vectors[c * K() + d];
          sum += term;
          magnitude += std::abs(term);
        }
        if (!(std::abs(sums[c * M() + r] - sum) <= 3e-6 * magnitude)) return false;
      }
    }
    return true;
  }
};

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * 4) == 0;
}

constexpr int64_t kSizes[] = {1, 3, 7, 17, 33, 255, 257};

}  // namespace

TEST(every_table_multiplies_rows_and_columns_with_the_same_bits) {
  Numbers numbers;
  for (bool rows : {true, false}) {
    for (int64_t m : kSizes) {
      for (int64_t k : kSizes) {
        for (int count = 1; count <= ane::kMaxColumns; ++count) {
          const Case product(rows, m, k, count, numbers);
          const std::vector<float> base = product.Run(*FindVec("portable"), true);
          EXPECT(product.Correct(base));
          for (const VecTable* table : Tables()) {
            EXPECT(SameBits(product.Run(*table, true), base));
            EXPECT(SameBits(product.Run(*table, false), base));
          }
        }
      }
    }
  }
}

TEST(every_processor_gives_the_sums_written_here) {
  for (const VecTable* table : Tables()) {
    Numbers numbers;
    uint64_t hash = 14695981039346656037u;
    for (bool rows : {true, false}) {
      for (int count = 1; count <= ane::kMaxColumns; ++count) {
        for (float sum : Case(rows, 37, 333, count, numbers).Run(*table, true)) {
          uint32_t bits;
          std::memcpy(&bits, &sum, 4);
          hash = (hash ^ bits) * 1099511628211u;
        }
      }
    }
    EXPECT(hash == 0xa73bd5e36b34566bu);
  }
}

TEST(keeps_nan_infinity_and_subnormal_numbers) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const VecTable* table : Tables()) {
    for (bool rows : {true, false}) {
      for (int64_t k : kSizes) {
        Numbers numbers;
        Case product(rows, 33, k, 2, numbers);
        product.vectors.assign(2 * k, 1.0f);
        for (int64_t d = 0; d < k; ++d) product.half[product.Index(9, d)] = 0;
        for (const int64_t d : {int64_t{0}, k / 2, k - 1}) {
          product.half[product.Index(5, d)] = 0x7e00;
          product.half[product.Index(6, d)] = 0xfc00;
          product.half[product.Index(9, d)] = 0x0001;
          const std::vector<float> sums = product.Run(*table, true);
          for (int c = 0; c < 2; ++c) {
            EXPECT(std::isnan(sums[c * 33 + 5]));
            EXPECT(sums[c * 33 + 6] == -infinity);
            EXPECT(std::isfinite(sums[c * 33 + 7]));
            EXPECT(sums[c * 33 + 9] == 0x1p-24f);
          }
          product.half[product.Index(5, d)] = 0;
          product.half[product.Index(6, d)] = 0;
          product.half[product.Index(9, d)] = 0;
        }
      }
    }
  }
}

TEST(shares_rows_and_columns_among_any_number_of_threads_with_the_same_bits) {
  Numbers numbers;
  const std::vector<uint16_t> a = Halves(numbers.Take(1100 * 530)), b = Halves(numbers.Take(530 * 4));
  ane::ThreadPool one(1);
  for (int threads : {2, 3, 16}) {
    ane::ThreadPool pool(threads);
    for (bool rows : {true, false}) {
      for (const int64_t m : {int64_t{1}, int64_t{257}, int64_t{1100}}) {
        for (const int64_t k : {int64_t{1}, int64_t{33}, int64_t{530}}) {
          for (int64_t n = 1; n <= ane::kMaxColumns; ++n) {
            const ane::ConstMatrix left{a.data(), ane::Dtype::kFp16, m, k, rows ? k : 1, rows ? 1 : m};
            const ane::ConstMatrix right{b.data(), ane::Dtype::kFp16, k, n, n, 1};
            std::vector<float> x(m * n), y(m * n);
            EXPECT(MultiplyFewColumns(one, left, right, {x.data(), ane::Dtype::kFp32, m, n, n, 1}, false));
            EXPECT(MultiplyFewColumns(pool, left, right, {y.data(), ane::Dtype::kFp32, m, n, n, 1}, false));
            EXPECT(SameBits(x, y));
          }
        }
      }
    }
  }
}

TEST(leaves_other_products_to_the_blocked_kernel) {
  ane::ThreadPool pool(1);
  const std::vector<float> a(100), b(100);
  std::vector<float> out(100, 7.0f);
  const ane::ConstMatrix rows{a.data(), ane::Dtype::kFp32, 5, 5, 5, 1};
  const ane::ConstMatrix strided{a.data(), ane::Dtype::kFp32, 5, 5, 10, 2};
  const ane::ConstMatrix wide{b.data(), ane::Dtype::kFp32, 5, 5, 5, 1};
  const ane::ConstMatrix narrow{b.data(), ane::Dtype::kFp32, 5, 4, 4, 1};
  EXPECT(!MultiplyFewColumns(pool, rows, wide, {out.data(), ane::Dtype::kFp32, 5, 5, 5, 1}, false));
  EXPECT(!MultiplyFewColumns(pool, strided, narrow, {out.data(), ane::Dtype::kFp32, 5, 4, 4, 1}, false));
  EXPECT(out == std::vector<float>(100, 7.0f));
}
