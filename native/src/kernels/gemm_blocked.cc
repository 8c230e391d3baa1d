#include "kernels/gemm_blocked.h"

#include <algorithm>

#include "kernels/gemm_elements.h"
#include "kernels/gemm_kernels.h"
#include "kernels/gemm_panels.h"
#include "kernels/work_shares.h"

namespace ane {
namespace {

// Words of the shared operand packed at a time (the third-level cache holds them), and of it used at a time (the
// second-level cache does).
constexpr int64_t kSharedWords = int64_t{3} << 18;
constexpr int64_t kNearWords = int64_t{1} << 18;
// Sums kept in fp32 between blocks of K.
constexpr int64_t kKeptSums = int64_t{2} << 20;
// Panels of the private operand that go through the blocks of K together, and rows of it that are packed together where
// they lie side by side.
constexpr int64_t kGroup = 8;
constexpr int64_t kSideBySide = 96;

struct Range {
  int64_t begin, end;
};
Range Share(int64_t count, int64_t part, int64_t parts) { return {count * part / parts, count * (part + 1) / parts}; }

// One product. The operand with fewer panels is packed by all threads and shared; a thread packs a few panels of the
// other at a time, for itself, and multiplies them by all shared ones while the memory of its next is on its way.
class Product {
 public:
  Product(ThreadPool& pool, const ConstMatrix& a, const ConstMatrix& b, const Matrix& out, const GemmOptions& options)
      : pool_(pool),
        kernel_(GemmKernel(options.arithmetic)),
        a_(kernel_, a, kernel_.rows),
        b_(kernel_, Transposed(b), kernel_.columns),
        out_(out),
        k_(a.cols),
        accumulate_(options.accumulate),
        in_place_(out.dtype == Dtype::kFp32 && out.col_stride == 1),
        // Columns of out lie side by side, so sharing b walks through memory in order.
        share_a_(b_.panels() * kernel_.columns > 4 * a_.panels() * kernel_.rows),
        shared_(share_a_ ? a_ : b_),
        private_(share_a_ ? b_ : a_),
        in_rows_(!share_a_ && a_.contiguous_along_k()),
        together_(private_.contiguous_along_rows() ? CeilDivide(kSideBySide, private_.width()) : 1) {}

  void Run() {
    block_k_ = BlockOfK(k_, kernel_.depth);
    block_words_ = CeilDivide(std::min(block_k_, k_), kernel_.depth);
    const int64_t blocks = CeilDivide(k_, block_k_), panel_words = block_words_ * shared_.width();
    kept_ = blocks > 1 && !in_place_;

    int64_t panels = std::clamp(kSharedWords / panel_words, int64_t{1}, shared_.panels());
    if (kept_) panels = std::clamp(kKeptSums / (private_.panels() * TileSize()), int64_t{1}, panels);
    const int64_t depth = std::clamp(kSharedWords / (panels * panel_words), int64_t{1}, blocks);
    for (int64_t first = 0; first < shared_.panels(); first += panels) {
      panels_ = {first, std::min(first + panels, shared_.panels())};
      if (kept_) {
        sums_ = pool_.Reserve<float>(Workspace::kKeptSums, private_.panels() * (panels_.end - first) * TileSize());
      }
      for (int64_t block = 0; block < blocks; block += depth) {
        blocks_ = {block, std::min(block + depth, blocks)};
        PackShared();
        Multiply();
      }
    }
  }

 private:
  int64_t TileSize() const { return static_cast<int64_t>(kernel_.rows) * kernel_.columns; }
  int64_t LengthOf(int64_t block) const { return std::min(block_k_, k_ - block * block_k_); }

  float* SharedPanel(int64_t block, int64_t panel) const {
    const int64_t index = (block - blocks_.begin) * (panels_.end - panels_.begin) + panel - panels_.begin;
    return packed_ + index * block_words_ * shared_.width();
  }

  void PackShared() {
    const int64_t panels = panels_.end - panels_.begin, count = (blocks_.end - blocks_.begin) * panels;
    packed_ = pool_.Reserve<float>(Workspace::kSharedPanels, count * block_words_ * shared_.width());
    pool_.ParallelFor(count, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t block = blocks_.begin + i / panels, panel = panels_.begin + i % panels;
        shared_.PackTurned(SharedPanel(block, panel), 0, panel, 1, block * block_k_, LengthOf(block));
      }
    });
  }

  // Threads share out the panels of the private operand; with few of them, shares of the other's too.
  void Multiply() {
    const int64_t panels = panels_.end - panels_.begin, wanted = 4 * pool_.threads();
    int64_t shares = CeilDivide(panels * block_words_ * shared_.width(), kNearWords);
    shares = std::min(panels, std::max(shares, CeilDivide(wanted, private_.panels())));
    const int64_t group = blocks_.end - blocks_.begin > 1 ? std::max(kGroup, together_) : together_;
    WorkShares work(shares * private_.panels(), pool_.threads());
    pool_.ParallelFor(work.shares(), 1, [&](int64_t begin, int64_t end) {
      WorkShares::Piece piece;
      for (; begin < end; ++begin) {
        while (work.Take(static_cast<int>(begin), group, piece)) {
          while (piece.begin < piece.end) {
            const int64_t share = piece.begin / private_.panels(), first = piece.begin % private_.panels();
            const int64_t count = std::min(piece.end - piece.begin, private_.panels() - first);
            piece.begin += count;
            const int64_t follow = piece.begin < piece.end ? piece.begin : piece.next;
            Range range = Share(panels, share, shares);
            range = {range.begin + panels_.begin, range.end + panels_.begin};
            MultiplyGroup(first, count, range, follow < 0 ? -1 : follow % private_.panels());
          }
        }
      }
    });
  }

  // Panels [first, first + count) of the private operand times the shared ones in range; `follow` is the private panel
  // this thread takes next, or -1.
  void MultiplyGroup(int64_t first, int64_t count, const Range& range, int64_t follow) const {
    const int64_t step = private_.width() * (in_rows_ ? kRowWords : block_words_), end = first + count;
    float* packed =
        pool_.Reserve<float>(Workspace::kPrivatePanels, std::min(private_.panels(), together_) * step);
    for (int64_t block = blocks_.begin; block < blocks_.end; ++block) {
      const int64_t k = LengthOf(block);
      for (int64_t i = first, n; i < end; i += n) {
        n = std::min(together_, end - i);
        if (in_rows_) {
          private_.PackRows(packed, i, block * block_k_, k);
        } else {
          private_.PackTurned(packed, step, i, n, block * block_k_, k);
        }
        const bool more = i + n < end, deeper = block + 1 < blocks_.end;
        const int64_t next = more ? i + n : deeper ? first : follow;
        const int64_t next_block = more ? block : deeper ? block + 1 : blocks_.begin;
        const int64_t next_k = next_block * block_k_, tiles = n * (range.end - range.begin);
        for (int64_t tile = 0; tile < tiles; ++tile) {
          const Ahead ahead = next < 0 ? Ahead{} : private_.AheadOf(next, n, next_k, LengthOf(next_block), tile, tiles);
          Tile(packed + tile % n * step, i + tile % n, range.begin + tile / n, block, ahead);
        }
      }
    }
  }

  struct Position {
    int64_t row, column;
    int rows, columns;
    void* out;
  };
  Position PositionOf(int64_t private_panel, int64_t shared_panel) const {
    const int64_t row = (share_a_ ? shared_panel : private_panel) * kernel_.rows;
    const int64_t column = (share_a_ ? private_panel : shared_panel) * kernel_.columns;
    return {row, column, static_cast<int>(std::min<int64_t>(kernel_.rows, out_.rows - row)),
            static_cast<int>(std::min<int64_t>(kernel_.columns, out_.cols - column)),
            At(out_.data, out_.dtype, row * out_.row_stride + column * out_.col_stride)};
  }

  bool Written(int64_t block) const { return in_place_ || (block + 1) * block_k_ >= k_; }

  // One micro-kernel call and, behind the last block of K, the way to `out`.
  void Tile(const float* panel, int64_t private_panel, int64_t shared_panel, int64_t block,
            const Ahead& ahead) const {
    const Position at = PositionOf(private_panel, shared_panel);
    const bool written = Written(block), direct = written && out_.col_stride == 1;
    alignas(64) float own[kMaxTile];
    float* kept = own;
    if (kept_) {
      const int64_t panels = panels_.end - panels_.begin;
      kept = sums_ + (private_panel * panels + shared_panel - panels_.begin) * TileSize();
    }
    const TileEnd end = {kept,
                         kept_ && block > 0,
                         direct ? at.out : nullptr,
                         out_.row_stride,
                         out_.dtype == Dtype::kFp16,
                         accumulate_ || (in_place_ && block > 0),
                         at.rows,
                         at.columns,
                         ahead};
    const float* other = SharedPanel(block, shared_panel);
    const int64_t words = CeilDivide(LengthOf(block), kernel_.depth);
    (in_rows_ ? kernel_.tile_rows : kernel_.tile)(words, share_a_ ? other : panel, share_a_ ? panel : other, end);
    if (direct || !written) return;
    for (int r = 0; r < at.rows; ++r) {
      for (int c = 0; c < at.columns; ++c) {
        Put(out_, at.row + r, at.column + c, kept[r * kernel_.columns + c], accumulate_);
      }
    }
  }

  ThreadPool& pool_;
  const GemmMicrokernel& kernel_;
  const PanelSource a_, b_;
  const Matrix& out_;
  const int64_t k_;
  const bool accumulate_;
  const bool in_place_;  // sums are formed in `out`
  const bool share_a_;
  const PanelSource &shared_, &private_;
  const bool in_rows_;      // how panels of the private operand are packed
  const int64_t together_;  // and how many of them at once
  bool kept_ = false;   // sums are kept in fp32 between blocks of K
  int64_t block_k_ = 0, block_words_ = 0;
  Range panels_ = {0, 0};    // of the shared operand that are packed
  Range blocks_ = {0, 0};    // of K
  float* packed_ = nullptr;  // [block of K][panel]
  float* sums_ = nullptr;    // [private panel][shared panel]
};

}  // namespace

void GemmBlocked(ThreadPool& pool, const ConstMatrix& a, const ConstMatrix& b, const Matrix& out,
                 const GemmOptions& options) {
  Product(pool, a, b, out, options).Run();
}

}  // namespace ane
