// Products of int8 for processors without a file of their own, as numbers of 16 bits in the compiler's vector arithmetic.
#include "kernels/gemm_kernel.h"
#include "kernels/gemm_kernels.h"

namespace ane {
namespace {

constexpr int kLanes = 4;
constexpr int kTileRows = 4;
constexpr int kTileVectors = 2;
constexpr int kDepth = 2;
constexpr bool kSignedColumns = true;

#include "kernels/vec_load.inc"

typedef uint16_t Halves __attribute__((vector_size(4 * kLanes)));
typedef uint32_t Wrapping __attribute__((vector_size(4 * kLanes)));

// A product of numbers of 8 bits with a sign fits 16 bits. Without a sign all arithmetic wraps around, whatever the words.
inline I MultiplyWords(I sum, I column, I row) {
  const I products =
      __builtin_bit_cast(I, __builtin_bit_cast(Halves, column) * __builtin_bit_cast(Halves, row));
  const auto added = [](Wrapping a, I b) { return a + __builtin_bit_cast(Wrapping, b); };
  const I low = __builtin_bit_cast(I, __builtin_bit_cast(Wrapping, products) << 16) >> 16;
  return __builtin_bit_cast(I, added(added(__builtin_bit_cast(Wrapping, sum), low), products >> 16));
}

#include "kernels/gemm_int8_body.inc"

constexpr Int8Kernel kInt8 = MakeInt8Kernel("portable");

}  // namespace

const Int8Kernel* PortableInt8Gemm() { return &kInt8; }

}  // namespace ane
