// The inner parts of the matrix product, compiled once per instruction set and arithmetic.
//
// Panels hold words of 32 bits: one fp32 number, or as many consecutive numbers of K as the arithmetic multiplies at
// once (two of bf16), zeros where K or the matrix ends. A turned panel has word (w, i) at w * width + i; a panel of
// rows has it at i * kRowWords + w.
#pragma once

#include <cstdint>

namespace ane {

constexpr int64_t kBlockWords = 768;              // of the longest panel
constexpr int64_t kRowWords = kBlockWords + 16;  // rows of a panel begin in different sets of the first-level cache
constexpr int kMaxTile = 512;                    // rows * columns of any micro-kernel

// Memory that is needed soon: `runs` runs of `lines` cache lines, `step` bytes apart.
struct Ahead {
  const char* start;
  int64_t step, runs, lines;
};

// Part of a panel that is packed while a tile is computed: `runs` runs of `lines` vectors of words. A run is a row, or a
// word of every column.
struct PackAhead {
  const char* source;
  float* panel;
  int64_t runs, lines;
  int64_t step, panel_step;  // from run to run: bytes of the source, words of the panel
  int64_t k_stride;          // elements
  bool half;
  int64_t behind;  // bytes to what is packed later, which is fetched
};

// Where the sums of a tile go, and what to do meanwhile.
struct TileEnd {
  float* kept;  // [rows, columns] fp32 between blocks of K, or nullptr
  bool add;     // to the sums in `kept`
  void* out;    // behind the last block; nullptr to leave the sums in `kept`
  int64_t out_stride;  // elements between rows of out, or columns if they are turned
  bool half;          // out is fp16, rounded once
  bool accumulate;    // to what is in out, fp32
  int rows, columns;  // of the tile that lie in the matrix
  Ahead ahead;
  PackAhead pack = {};  // a panel of a in rows if that is how this tile's is, else one of b
  bool turned = false;  // columns of out are contiguous, not its rows
};

// A micro-kernel's multiply-adds without its memory; see kernels/peak.h.
struct MultiplyAdds {
  int64_t count;                            // of one step
  void (*run)(float* sums, int64_t steps);  // sums [kMaxTile] is written
};

// From products of queries and keys to scores; `round` takes every step's result to fp16.
struct ScoreNumbers {
  float scale;
  bool round;
  const float* mask;  // a panel that is added, or nullptr
};

// Attention on panels that have one line per key and a query in each of a micro-kernel's columns, fp32. Column c sees
// the first counts[c] <= lines keys; others are 0 in results.
struct AttentionKernel {
  // In place, from products of queries and keys to probabilities.
  void (*softmax)(float* panel, int64_t lines, const int32_t* counts, const ScoreNumbers& numbers);
  // In place, from the gradient of probabilities to that of products of queries and keys; `mask` is not read.
  void (*gradient)(float* panel, const float* probabilities, int64_t lines, const int32_t* counts,
                   const ScoreNumbers& numbers);

  // A panel of b whose K are the keys, and lines of words whose K are the queries; with one number per word a panel is
  // both already.
  void (*words_along_keys)(float* words, const float* panel, int64_t lines);
  void (*words_along_queries)(float* words, const float* panel, int64_t lines);
  // sums [rows, columns], one tile, plus lines · b over `words` words of queries; b is turned and continuous, lines of
  // the following queries stand `step` words behind. `fresh` sums start at zero. Columns from `columns` on may be
  // anything. Every sum runs in the order of queries.
  void (*add_queries)(int64_t words, const float* lines, int64_t step, const float* b, int columns, float* sums,
                      bool fresh);
};

struct GemmMicrokernel {
  int rows;     // width of a panel of a
  int columns;  // width of a panel of b
  int depth;    // numbers of K in a word
  int lanes;    // words in a vector

  // The product of two panels; every sum runs in the order of K from zero. a is turned, or in rows; b is turned.
  void (*tile)(int64_t words, const float* a, const float* b, const TileEnd& end);
  void (*tile_rows)(int64_t words, const float* a, const float* b, const TileEnd& end);

  // Fills a turned panel of k numbers from `count` <= width rows; number (k, i) of the source is at
  // k * k_stride + i * stride.
  void (*pack_fp32)(float* panel, int width, const float* source, int64_t k, int count, int64_t k_stride,
                    int64_t stride);
  void (*pack_fp16)(float* panel, int width, const uint16_t* source, int64_t k, int count, int64_t k_stride,
                    int64_t stride);
  // Fills `panels` turned panels of a, panel_step words apart, from rows that lie side by side.
  void (*pack_strips_fp32)(float* panel, int64_t panel_step, int64_t panels, const float* source, int64_t k,
                           int64_t k_stride);
  void (*pack_strips_fp16)(float* panel, int64_t panel_step, int64_t panels, const uint16_t* source, int64_t k,
                           int64_t k_stride);
  // Fills a panel of rows from `count` <= width rows that are contiguous along K.
  void (*pack_rows_fp32)(float* panel, int width, const float* source, int64_t k, int count, int64_t stride);
  void (*pack_rows_fp16)(float* panel, int width, const uint16_t* source, int64_t k, int count, int64_t stride);

  AttentionKernel attention;
  MultiplyAdds multiply_adds;
};

// Of products of int8. Panels hold words of 32 bits, each some consecutive numbers of K: word (w, i) at w * width + i, rows
// with zeros where K or the matrix ends.
constexpr int kInt8Rows = 12;
constexpr int kInt8Columns = 32;

struct Int8Kernel {
  const char* isa;      // "avx512_vnni", "avx_vnni", "avx2", "neon_dotprod", "portable"
  int depth;            // numbers in a word: four of 8 bits, or two of 16
  bool signed_columns;  // otherwise they are of 8 bits without a sign; numbers of rows have one

  // out [kInt8Rows, kInt8Columns] = scales · (rows · columns - corrections), the last two one per row.
  void (*tile)(int64_t words, const uint32_t* rows, const uint32_t* columns, const int32_t* corrections,
               const float* scales, float* out);

  MultiplyAdds multiply_adds;
};

}  // namespace ane
