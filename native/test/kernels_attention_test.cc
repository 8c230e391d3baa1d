// Softmax and its derivative on panels give the bits of those on rows, in every table; sums over queries run in order.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "check.h"
#include "kernels/gemm_kernel.h"
#include "kernels/gemm_kernels.h"
#include "kernels/vec.h"

using ane::FindVec;
using ane::GemmMicrokernel;
using ane::VecTable;
using Numbers = std::vector<float>;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
const int64_t kKeys[] = {1, 2, 3, 7, 17, 33, 63, 64, 65, 255, 257, 1030, 2050};

std::vector<const VecTable*> Tables() {
  std::vector<const VecTable*> tables;
  for (const char* isa : {"avx512", "avx2", "neon", "portable"}) {
    if (const VecTable* table = FindVec(isa)) tables.push_back(table);
  }
  return tables;
}

Numbers Random(int64_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 3);
  Numbers numbers(static_cast<size_t>(n));
  for (float& x : numbers) x = normal(random);
  return numbers;
}

bool Same(float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }

// Keys that column c sees of `keys`.
std::vector<int32_t> Counts(int64_t keys, int columns) {
  std::vector<int32_t> counts;
  for (int c = 0; c < columns; ++c) {
    counts.push_back(c == 3 ? 0 : static_cast<int32_t>(std::max<int64_t>(keys - c, 0)));
  }
  return counts;
}

Numbers Column(const Numbers& panel, int columns, int c, int64_t keys) {
  Numbers column;
  for (int64_t k = 0; k < keys; ++k) column.push_back(panel[static_cast<size_t>(k * columns + c)]);
  return column;
}

bool ColumnIs(const Numbers& panel, int columns, int c, const Numbers& seen) {
  const auto lines = static_cast<int64_t>(panel.size()) / columns;
  const Numbers column = Column(panel, columns, c, lines);
  for (size_t k = 0; k < column.size(); ++k) {
    if (!Same(column[k], k < seen.size() ? seen[k] : 0)) return false;
  }
  return true;
}

}  // namespace

TEST(softmax_of_columns_is_that_of_rows) {
  for (const VecTable* table : Tables()) {
    const int columns = table->gemm->columns;
    for (const int64_t keys : kKeys) {
      for (const bool round : {false, true}) {
        for (const float scale : {1.0f, 0.375f}) {
          for (const bool masked : {false, true}) {
            const std::vector<int32_t> counts = Counts(keys, columns);
            Numbers scores = Random((keys + 2) * columns, 1), mask = Random(keys * columns, 2);
            if (keys > 7) scores[static_cast<size_t>(5 * columns + 1)] = kNan;
            Numbers panel = scores;
            table->gemm->attention.softmax(panel.data(), keys + 2, counts.data(),
                                           {scale, round, masked ? mask.data() : nullptr});
            for (int c = 0; c < columns; ++c) {
              const int64_t n = counts[static_cast<size_t>(c)];
              Numbers row = Column(scores, columns, c, n);
              float largest = table->scale_max(row.data(), scale, round, n);
              if (masked) {
                table->add(row.data(), row.data(), Column(mask, columns, c, n).data(), n);
                largest = table->scale_max(row.data(), 1, round, n);
              }
              const float sum = table->exp_sum(row.data(), largest, n);
              (round ? table->rounded : *table).mul_scalar(row.data(), row.data(), 1 / sum, n);
              EXPECT(ColumnIs(panel, columns, c, row));
            }
          }
        }
      }
    }
  }
}

TEST(the_gradient_of_columns_is_that_of_rows) {
  for (const VecTable* table : Tables()) {
    const int columns = table->gemm->columns;
    for (const int64_t keys : kKeys) {
      for (const bool round : {false, true}) {
        for (const float scale : {1.0f, 0.375f}) {
          const std::vector<int32_t> counts = Counts(keys, columns);
          const Numbers change = Random((keys + 2) * columns, 3), weights = Random((keys + 2) * columns, 4);
          Numbers panel = change;
          table->gemm->attention.gradient(panel.data(), weights.data(), keys + 2, counts.data(),
                                          {scale, round, nullptr});
          for (int c = 0; c < columns; ++c) {
            const int64_t n = counts[static_cast<size_t>(c)];
            Numbers row = Column(change, columns, c, n);
            const Numbers own = Column(weights, columns, c, n);
            double total = 0;
            for (int64_t k = 0; k < n; k += 1024) {
              total += static_cast<double>(
                  table->round_dot(row.data() + k, own.data() + k, round, std::min<int64_t>(1024, n - k)));
            }
            auto mean = static_cast<float>(total);
            if (round) table->round_fp16(&mean, 1);
            table->softmax_gradient(row.data(), own.data(), mean, scale, round, n);
            EXPECT(ColumnIs(panel, columns, c, row));
          }
        }
      }
    }
  }
}

TEST(sums_over_queries_go_on_where_they_were) {
  for (const VecTable* table : Tables()) {
    const GemmMicrokernel& gemm = *table->gemm;
    const int columns = gemm.columns;
    const int64_t step = gemm.rows * columns;
    for (const int64_t queries : {1, 3, columns, columns + 1, 3 * columns}) {
      for (const int width : {1, columns / 2, columns}) {
        const Numbers lines = Random(3 * step, 5), factor = Random(queries * columns, 6);
        Numbers sums(static_cast<size_t>(step), kNan), twice = sums;
        gemm.attention.add_queries(queries, lines.data(), step, factor.data(), width, sums.data(), true);
        const int64_t first = std::min<int64_t>(queries, columns);
        gemm.attention.add_queries(first, lines.data(), step, factor.data(), width, twice.data(), true);
        gemm.attention.add_queries(queries - first, lines.data() + step, step, factor.data() + first * columns, width,
                                   twice.data(), false);
        for (int r = 0; r < gemm.rows; ++r) {
          for (int c = 0; c < width; ++c) {
            double exact = 0, size = 0;
            for (int64_t q = 0; q < queries; ++q) {
              const auto at = static_cast<size_t>(q / columns * step + r * columns + q % columns);
              const double term = static_cast<double>(lines[at]) *
                                  static_cast<double>(factor[static_cast<size_t>(q * columns + c)]);
              exact += term;
              size += std::fabs(term);
            }
            const auto at = static_cast<size_t>(r * columns + c);
            EXPECT(std::fabs(static_cast<double>(sums[at]) - exact) <= 1e-5 * size);
            EXPECT(sums[at] == twice[at]);
          }
        }
      }
    }
  }
}

TEST(words_hold_neighbours_along_keys_or_queries) {
  const GemmMicrokernel& gemm = ane::GemmKernel(ane::Arithmetic::kBf16);
  if (gemm.depth != 2) return;
  const int columns = gemm.columns;
  const int64_t lines = 7;
  Numbers panel(static_cast<size_t>(lines * columns));
  for (size_t i = 0; i < panel.size(); ++i) panel[i] = static_cast<float>(i % 128);  // bf16 has them all
  Numbers along_keys(static_cast<size_t>(4 * columns)), along_queries(static_cast<size_t>(lines * columns / 2));
  gemm.attention.words_along_keys(along_keys.data(), panel.data(), lines);
  gemm.attention.words_along_queries(along_queries.data(), panel.data(), lines);
  const auto half = [](const Numbers& words, int64_t word, int which) {
    uint16_t parts[2];
    std::memcpy(parts, &words[static_cast<size_t>(word)], sizeof parts);
    const uint32_t bits = static_cast<uint32_t>(parts[which]) << 16;
    float number;
    std::memcpy(&number, &bits, sizeof number);
    return number;
  };
  const auto number = [&](int64_t key, int64_t query) {
    return key < lines ? panel[static_cast<size_t>(key * columns + query)] : 0;
  };
  for (int64_t key = 0; key < 8; ++key) {
    for (int query = 0; query < columns; ++query) {
      EXPECT(half(along_keys, key / 2 * columns + query, key % 2) == number(key, query));
      if (key == 7) continue;
      EXPECT(half(along_queries, (key * columns + query) / 2, query % 2) == number(key, query));
    }
  }
}
