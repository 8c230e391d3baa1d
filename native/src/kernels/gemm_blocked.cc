#include "kernels/gemm_blocked.h"

#include <algorithm>

#include "base/scratch.h"
#include "kernels/gemm_elements.h"
#include "kernels/gemm_kernel.h"
#include "kernels/vec.h"

namespace ane {
namespace {

// K is summed in blocks of this many, each from zero: the same on every processor, so that results are too.
constexpr int64_t kBlock = 256;
// b is packed for at most this many rows of K at a time, c kept in fp32 between them.
constexpr int64_t kDepth = 4096;
// Panels of a packed together; with b's panel they fill the first and second level caches.
constexpr int64_t kPanelsOfA = 8;
constexpr int64_t kFloatsOfB = int64_t{2} << 20;
constexpr int64_t kFloatsOfC = int64_t{2} << 20;

// One product; the three loops around the micro-kernel.
class Product {
 public:
  Product(ThreadPool& pool, const ConstMatrix& a, const ConstMatrix& b, const Matrix& out, bool accumulate)
      : pool_(pool), kernel_(*Vec().gemm), a_(a), b_(b), out_(out), accumulate_(accumulate) {}

  void Run() {
    const int64_t m = out_.rows, n = out_.cols, k = a_.cols;
    rows_ = kernel_.rows;
    columns_ = kernel_.columns;
    panels_of_a_ = CeilDivide(m, rows_);
    in_place_ = out_.dtype == Dtype::kFp32 && out_.col_stride == 1;
    const bool kept = k > kDepth && !in_place_;

    int64_t panels = std::max<int64_t>(kFloatsOfB / (std::min(k, kDepth) * columns_), 1);
    if (k > kBlock && !in_place_) panels = std::min(panels, CeilDivide(512, columns_));
    if (kept) panels = std::clamp(kFloatsOfC / (panels_of_a_ * rows_ * columns_), int64_t{1}, panels);

    for (int64_t n0 = 0; n0 < n; n0 += panels * columns_) {
      first_column_ = n0;
      panels_of_b_ = CeilDivide(std::min(n - n0, panels * columns_), columns_);
      sums_ = kept ? KeptScratch().Reserve<float>(panels_of_a_ * panels_of_b_ * rows_ * columns_) : nullptr;
      for (int64_t k0 = 0; k0 < k; k0 += kDepth) {
        first_depth_ = k0;
        depth_ = std::min(kDepth, k - k0);
        PackB();
        Multiply();
      }
    }
  }

 private:
  static Scratch& KeptScratch() {
    thread_local Scratch scratch;
    return scratch;
  }
  static Scratch& BScratch() {
    thread_local Scratch scratch;
    return scratch;
  }
  static Scratch& AScratch() {
    thread_local Scratch scratch;
    return scratch;
  }
  static Scratch& TileScratch() {
    thread_local Scratch scratch;
    return scratch;
  }

  // Fills a panel from `matrix` seen as [depth, width]: `first` along the width, k0 along the depth.
  void Pack(float* panel, int width, const ConstMatrix& matrix, int64_t k0, int64_t k, int64_t first) const {
    const int count = static_cast<int>(std::min<int64_t>(width, matrix.cols - first));
    const void* source = At(matrix.data, matrix.dtype, k0 * matrix.row_stride + first * matrix.col_stride);
    if (matrix.dtype == Dtype::kFp16) {
      kernel_.pack_fp16(panel, width, static_cast<const uint16_t*>(source), k, count, matrix.row_stride,
                        matrix.col_stride);
    } else {
      kernel_.pack_fp32(panel, width, static_cast<const float*>(source), k, count, matrix.row_stride,
                        matrix.col_stride);
    }
  }

  float* PanelOfB(int64_t block, int64_t panel) const {
    const int64_t k = std::min(kBlock, depth_ - block * kBlock);
    return packed_b_ + (block * kBlock * panels_of_b_ + k * panel) * columns_;
  }

  void PackB() {
    packed_b_ = BScratch().Reserve<float>(depth_ * panels_of_b_ * columns_);
    const int64_t blocks = CeilDivide(depth_, kBlock);
    pool_.ParallelFor(blocks * panels_of_b_, 2, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t block = i / panels_of_b_, panel = i % panels_of_b_;
        Pack(PanelOfB(block, panel), columns_, b_, first_depth_ + block * kBlock,
             std::min(kBlock, depth_ - block * kBlock), first_column_ + panel * columns_);
      }
    });
  }

  // Rows of panels are shared out first; with few of them, columns too (and a is packed once for each share).
  void Multiply() {
    const int64_t wanted = 4 * pool_.threads();
    const int64_t shares = panels_of_a_ >= wanted ? 1 : std::min(panels_of_b_, CeilDivide(wanted, panels_of_a_));
    pool_.ParallelFor(shares * panels_of_a_, 1, [&](int64_t begin, int64_t end) {
      while (begin < end) {
        const int64_t share = begin / panels_of_a_, panel = begin % panels_of_a_;
        const int64_t count = std::min({end - begin, panels_of_a_ - panel, kPanelsOfA});
        begin += count;
        const int64_t follow = begin % panels_of_a_;
        MultiplyPanels(panel, count, panels_of_b_ * share / shares, panels_of_b_ * (share + 1) / shares, follow,
                       std::min({end - begin, panels_of_a_ - follow, kPanelsOfA}));
      }
    });
  }

  // Panels [first, first + count) of a times panels [begin, end) of b; `follow` is what this thread takes next, if
  // known.
  void MultiplyPanels(int64_t first, int64_t count, int64_t begin, int64_t end, int64_t follow,
                      int64_t follow_count) const {
    const int64_t tile = rows_ * columns_;
    float* packed_a = AScratch().Reserve<float>(count * rows_ * std::min(kBlock, depth_));
    const bool several = depth_ > kBlock && !in_place_ && sums_ == nullptr;
    float* tiles = several ? TileScratch().Reserve<float>(count * (end - begin) * tile) : nullptr;
    for (int64_t k0 = 0; k0 < depth_; k0 += kBlock) {
      const int64_t k = std::min(kBlock, depth_ - k0);
      for (int64_t i = 0; i < count; ++i) {
        Pack(packed_a + i * k * rows_, rows_, Transposed(a_), first_depth_ + k0, k, (first + i) * rows_);
      }
      const bool more = k0 + kBlock < depth_;
      Lines next = more ? LinesOfA(first, count, k0 + kBlock) : LinesOfA(follow, follow_count, 0);
      const int64_t share = CeilDivide(next.count, (end - begin) * count);
      for (int64_t j = begin; j < end; ++j) {
        const float* panel = PanelOfB(k0 / kBlock, j);
        for (int64_t i = 0; i < count; ++i) {
          next.Prefetch(share);
          float* kept = sums_ != nullptr ? sums_ + ((first + i) * panels_of_b_ + j) * tile
                        : several        ? tiles + (i * (end - begin) + j - begin) * tile
                                         : nullptr;
          Tile(k, packed_a + i * k * rows_, panel, first + i, j, kept, first_depth_ + k0);
        }
      }
    }
  }

  // Cache lines of a block of a that is packed next: fetched between micro-kernels, so that packing finds them near.
  struct Lines {
    const char* data = nullptr;
    int64_t step = 0;     // bytes between runs
    int64_t per_run = 1;  // lines of a run
    int64_t count = 0;    // lines in all
    int64_t done = 0;

    void Prefetch(int64_t lines) {
      for (const int64_t end = std::min(count, done + lines); done < end; ++done) {
        __builtin_prefetch(data + done / per_run * step + done % per_run * 64, 0, 2);
      }
    }
  };
  Lines LinesOfA(int64_t panel, int64_t panels, int64_t k0) const {
    const int64_t size = static_cast<int64_t>(SizeOf(a_.dtype));
    const int64_t rows = std::min(panels * rows_, a_.rows - panel * rows_), k = std::min(kBlock, depth_ - k0);
    const bool along_k = a_.col_stride == 1;
    if (panels == 0 || (!along_k && a_.row_stride != 1)) return {};
    const int64_t run = along_k ? k : rows, runs = along_k ? rows : k, per_run = CeilDivide(run * size, 64);
    const int64_t at = panel * rows_ * a_.row_stride + (first_depth_ + k0) * a_.col_stride;
    return {static_cast<const char*>(At(a_.data, a_.dtype, at)), (along_k ? a_.row_stride : a_.col_stride) * size,
            per_run, per_run * runs, 0};
  }

  // One micro-kernel call and, behind the last block of K, the way to `out`.
  void Tile(int64_t k, const float* a, const float* b, int64_t panel_a, int64_t panel_b, float* kept,
            int64_t k0) const {
    const int64_t row = panel_a * rows_, column = first_column_ + panel_b * columns_;
    const int rows = static_cast<int>(std::min<int64_t>(rows_, out_.rows - row));
    const int columns = static_cast<int>(std::min<int64_t>(columns_, out_.cols - column));
    void* out = At(out_.data, out_.dtype, row * out_.row_stride + column * out_.col_stride);
    const bool first = k0 == 0, last = k0 + k == a_.cols;
    alignas(64) float own[kMaxTile];

    // The result is written behind the sums, long enough after for its lines to arrive.
    if (in_place_ || (last && out_.col_stride == 1)) {
      const int64_t size = static_cast<int64_t>(SizeOf(out_.dtype));
      for (int r = 0; r < rows; ++r) {
        const char* line = static_cast<const char*>(out) + r * out_.row_stride * size;
        for (int64_t byte = 0; byte < columns * size; byte += 64) __builtin_prefetch(line + byte, 1, 3);
      }
    }
    if (in_place_) {
      float* sums = static_cast<float*>(out);
      if (rows == rows_ && columns == columns_) {
        kernel_.tile(k, a, b, sums, out_.row_stride, accumulate_ || !first);
        return;
      }
      kernel_.tile(k, a, b, own, columns_, false);
      for (int r = 0; r < rows; ++r) {
        float* line = sums + r * out_.row_stride;
        for (int c = 0; c < columns; ++c)
          line[c] = accumulate_ || !first ? line[c] + own[r * columns_ + c] : own[r * columns_ + c];
      }
      return;
    }
    float* sums = kept != nullptr ? kept : own;
    kernel_.tile(k, a, b, sums, columns_, !first);
    if (!last) return;
    if (out_.dtype == Dtype::kFp16 && out_.col_stride == 1) {
      kernel_.store_fp16(static_cast<uint16_t*>(out), out_.row_stride, sums, columns_, rows, columns);
      return;
    }
    for (int r = 0; r < rows; ++r) {
      for (int c = 0; c < columns; ++c) Put(out_, row + r, column + c, sums[r * columns_ + c], accumulate_);
    }
  }

  ThreadPool& pool_;
  const GemmMicrokernel& kernel_;
  const ConstMatrix& a_;
  const ConstMatrix& b_;
  const Matrix& out_;
  const bool accumulate_;
  int rows_ = 0, columns_ = 0;
  int64_t panels_of_a_ = 0, panels_of_b_ = 0;
  bool in_place_ = false;      // sums are formed in `out`
  int64_t first_column_ = 0;   // of the panels of b at hand
  int64_t first_depth_ = 0;    // of the packed part of K
  int64_t depth_ = 0;          // its length
  float* packed_b_ = nullptr;  // [block of K][panel]
  float* sums_ = nullptr;      // [panel of a][panel of b], kept while K is taken in parts
};

}  // namespace

void GemmBlocked(ThreadPool& pool, const ConstMatrix& a, const ConstMatrix& b, const Matrix& out,
                 const GemmOptions& options) {
  Product(pool, a, b, out, options.accumulate).Run();
}

}  // namespace ane
