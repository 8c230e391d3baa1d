// The inner parts of the matrix product, compiled once per instruction set.
#pragma once

#include <cstdint>

namespace ane {

// A panel holds `width` rows of a (or columns of b), element (k, i) at k * width + i, zeros where there is no row.
struct GemmMicrokernel {
  int rows;     // width of a panel of a
  int columns;  // width of a panel of b

  // c [rows, columns] = or += the product of two panels over k; every sum runs in the order of k.
  void (*tile)(int64_t k, const float* a, const float* b, float* c, int64_t c_stride, bool accumulate);

  // Fills a panel from `count` <= width rows; element (k, i) of the source is at k * k_stride + i * stride.
  void (*pack_fp32)(float* panel, int width, const float* source, int64_t k, int count, int64_t k_stride,
                    int64_t stride);
  void (*pack_fp16)(float* panel, int width, const uint16_t* source, int64_t k, int count, int64_t k_stride,
                    int64_t stride);

  // Rounds the upper left [rows, columns] of a tile whose rows are tile_stride apart to fp16.
  void (*store_fp16)(uint16_t* out, int64_t out_stride, const float* tile, int64_t tile_stride, int rows, int columns);

  // Matrix times vector: one row, or one column scaled and added to out.
  float (*dot_fp16)(const uint16_t* a, const float* b, int64_t n);
  void (*axpy_fp16)(float* out, float scale, const uint16_t* x, int64_t n);

  // The multiply-adds of `tile` without its memory: `steps` times `multiply_adds` of them; see kernels/peak.h.
  int multiply_adds;
  void (*multiply_add)(float* sums, int64_t steps);  // sums [multiply_adds] is written
};

constexpr int kMaxTile = 512;  // rows * columns of any micro-kernel

}  // namespace ane
