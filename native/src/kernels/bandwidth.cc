#include "kernels/bandwidth.h"

#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "kernels/rate.h"
#include "kernels/vec.h"

namespace ane {
namespace {

constexpr int64_t kPiece = int64_t{4} << 20;
constexpr std::align_val_t kHugePage{size_t{2} << 20};

struct Free {
  void operator()(void* memory) const { ::operator delete(memory, kHugePage); }
};

// Copies past the caches where the processor can.
void CopyPiece(char* out, const char* in) {
#if defined(__SSE2__)
  for (int64_t i = 0; i < kPiece; i += 64) {
    const __m128i* from = reinterpret_cast<const __m128i*>(in + i);
    const __m128i a = _mm_load_si128(from), b = _mm_load_si128(from + 1);
    const __m128i c = _mm_load_si128(from + 2), d = _mm_load_si128(from + 3);
    __m128i* to = reinterpret_cast<__m128i*>(out + i);
    _mm_stream_si128(to, a);
    _mm_stream_si128(to + 1, b);
    _mm_stream_si128(to + 2, c);
    _mm_stream_si128(to + 3, d);
  }
  _mm_sfence();
#else
  std::memcpy(out, in, kPiece);
#endif
}

}  // namespace

Result<MemoryBandwidth> MeasureMemoryBandwidth(ThreadPool& pool, double seconds, int64_t least_bytes) {
  const int64_t half = (least_bytes + 2 * kPiece - 1) / (2 * kPiece), pieces = 2 * half, bytes = pieces * kPiece;
  const size_t size = static_cast<size_t>(bytes);
  const std::unique_ptr<char, Free> memory(static_cast<char*>(::operator new(size, kHugePage, std::nothrow)));
  if (memory == nullptr) {
    return Status("OUT_OF_MEMORY",
                  "Not enough memory to measure its speed: " + std::to_string(bytes) + " bytes are needed.");
  }
  char* data = memory.get();
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  madvise(data, size, MADV_HUGEPAGE);
#endif
  pool.ParallelFor(pieces, 1, [data](int64_t begin, int64_t end) {
    std::memset(data + begin * kPiece, 0, static_cast<size_t>((end - begin) * kPiece));
  });

  const VecTable& vec = Vec();
  std::vector<float> sums(static_cast<size_t>(pieces));
  MemoryBandwidth result;
  result.read = Rate(seconds, static_cast<double>(bytes), [&] {
    pool.ParallelFor(pieces, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        sums[static_cast<size_t>(i)] = vec.reduce_sum(reinterpret_cast<const float*>(data + i * kPiece), kPiece / 4);
      }
    });
  });
  result.copy = Rate(seconds, static_cast<double>(bytes), [&] {
    pool.ParallelFor(half, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) CopyPiece(data + (half + i) * kPiece, data + i * kPiece);
    });
  });
  return result;
}

}  // namespace ane
