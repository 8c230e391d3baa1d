// Looking up and checking the operands of host kernels, and moving rows of any type and stride through fp32.
#pragma once

#include <initializer_list>
#include <string>

#include "host/host_kernels.h"

namespace ane {

// A dimension is a literal number, or a letter that stands for the same size in every view of a kernel, or '*'.
struct Dimension {
  constexpr Dimension(int number) : size(number), symbol(0) {}
  constexpr Dimension(char letter) : size(-1), symbol(letter) {}
  int64_t size;
  char symbol;
};

enum class Types { kFloat, kFp32, kFp64, kInt32 };  // kFloat: fp16 or fp32
enum class Presence { kOne, kOptional, kMany };

struct ViewRule {
  const char* name;
  Types types;
  Dimension rows, cols;
  Presence presence = Presence::kOne;
  bool contiguous_rows = false;
};
enum class NumberKind { kAny, kFlag, kNotNegative };
struct NumberRule {
  const char* name;
  NumberKind kind = NumberKind::kAny;
};

Status CheckOperands(const char* kernel, const KernelOperands& operands, std::initializer_list<ViewRule> views,
                     std::initializer_list<NumberRule> numbers);

// Operands that have been checked.
const TensorView& ViewOf(const KernelOperands& operands, const char* name);
const TensorView* OptionalView(const KernelOperands& operands, const char* name);
double NumberOf(const KernelOperands& operands, const char* name);

template <typename T>
T* Element(const TensorView& view, int64_t r, int64_t c) {
  return static_cast<T*>(view.data) + (r * view.row_stride + c * view.col_stride);
}

// Columns handled at a time where a buffer on the stack is needed.
constexpr int64_t kSegment = 512;

// Elements (r, c) … (r, c + n - 1), n <= kSegment, as fp32: in place where they lie so, otherwise in `buffer`.
const float* ReadSegment(const TensorView& view, int64_t r, int64_t c, int64_t n, float* buffer);
// Stores n <= kSegment values; to fp16 rounds to nearest even.
void WriteSegment(const TensorView& view, int64_t r, int64_t c, int64_t n, const float* values);

// Copies a block of equal shape on the calling thread; any strides, fp16 and fp32.
void CopyBlock(const TensorView& in, const TensorView& out);
TensorView Block(const TensorView& view, int64_t row, int64_t rows, int64_t col, int64_t cols);

}  // namespace ane
