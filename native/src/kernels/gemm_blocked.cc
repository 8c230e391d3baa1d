#include "kernels/gemm_blocked.h"

#include <algorithm>
#include <utility>

#include "kernels/gemm_elements.h"
#include "kernels/gemm_kernels.h"
#include "kernels/gemm_panels.h"
#include "kernels/work_shares.h"

namespace ane {
namespace {

// Words of the shared operand packed at a time (the third-level cache holds them), and of both operands used at a time
// (the second-level cache does, and what is fetched besides).
constexpr int64_t kSharedWords = int64_t{3} << 18;
constexpr int64_t kNearWords = int64_t{27} << 13;
// Sums kept in fp32 between blocks of K.
constexpr int64_t kKeptSums = int64_t{2} << 20;
// Rows of the private operand that go through the blocks of K together, and of the first that are packed together where
// they lie side by side.
constexpr int64_t kGroup = 192;
constexpr int64_t kSideBySide = 96;

struct Range {
  int64_t begin, end;
};
Range Share(int64_t count, int64_t part, int64_t parts) { return {count * part / parts, count * (part + 1) / parts}; }

// One product. The smaller operand is packed by all threads and shared; of the other a thread multiplies one panel by
// the shared ones while it packs the next, for itself, and fetches the memory of the one behind.
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
        visit_(options.visit),
        in_place_(out.dtype == Dtype::kFp32 && out.col_stride == 1),
        // Columns of out lie side by side, so sharing b walks through memory in order.
        share_a_(b_.rows() > (b_.contiguous_along_rows() ? 1 : 4) * a_.rows()),
        shared_(share_a_ ? a_ : b_),
        private_(share_a_ ? b_ : a_),
        in_rows_(!share_a_ && a_.contiguous_along_k()),
        ahead_(in_rows_ || (share_a_ && b_.contiguous_along_rows())),
        together_(!share_a_ && a_.contiguous_along_rows() ? CeilDivide(kSideBySide, kernel_.rows) : 1) {}

  // Returns whether the rows have been visited.
  bool Run() {
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
    return visits_;
  }

 private:
  int64_t TileSize() const { return static_cast<int64_t>(kernel_.rows) * kernel_.columns; }
  // Panels of the private operand that a thread has memory for: the ones in use, and the next of those packed ahead.
  int64_t Buffered() const { return std::max(together_, int64_t{2}); }
  int64_t PrivateWords() const { return private_.width() * (in_rows_ ? kRowWords : block_words_); }
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

  // Whether a thread would have more than a thirty-second too much to do.
  bool Uneven(int64_t pieces) const {
    return (CeilDivide(pieces, pool_.threads()) * pool_.threads() - pieces) * 32 > pieces;
  }

  // Threads share out the panels of the private operand; with few of them, shares of the other's too.
  void Multiply() {
    const int64_t panels = panels_.end - panels_.begin, wanted = 4 * pool_.threads();
    const int64_t near = std::max(kNearWords - Buffered() * PrivateWords(), kNearWords / 4);
    int64_t shares = CeilDivide(panels * block_words_ * shared_.width(), near);
    shares = std::min(panels, std::max(shares, CeilDivide(wanted, private_.panels())));
    while (shares < panels && Uneven(shares * private_.panels())) ++shares;
    visits_ = visit_ && !share_a_ && in_place_ && shares == 1 && panels == shared_.panels();
    const int64_t group = blocks_.end - blocks_.begin > 1 ? CeilDivide(kGroup, private_.width()) : together_;
    WorkShares work(shares * private_.panels(), pool_.threads());
    pool_.ParallelFor(work.shares(), 1, [&](int64_t begin, int64_t end) {
      float* memory = pool_.Reserve<float>(Workspace::kPrivatePanels, Buffered() * PrivateWords());
      Packed packed = {memory, memory + PrivateWords(), {-1, 0, 0}};
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
            MultiplyGroup(packed, first, count, range, follow < 0 ? -1 : follow % private_.panels());
          }
        }
      }
    });
  }

  // One block of K of `count` panels of the private operand; none of panel -1.
  struct Item {
    int64_t panel, count, block;
    bool operator==(const Item&) const = default;
  };
  // What a thread has packed of it, and where it packs the next meanwhile.
  struct Packed {
    float *panels, *next;
    Item item;
  };

  // Panels [first, first + count) of the private operand times the shared ones in range; `follow` is the private panel
  // this thread takes next, or -1.
  void MultiplyGroup(Packed& packed, int64_t first, int64_t count, const Range& range, int64_t follow) const {
    const int64_t in_block = CeilDivide(count, together_), items = in_block * (blocks_.end - blocks_.begin);
    const auto item = [&](int64_t i) -> Item {
      if (i < items) {
        const int64_t done = i % in_block * together_;
        return {first + done, std::min(together_, count - done), blocks_.begin + i / in_block};
      }
      if (follow < 0) return {-1, 0, blocks_.begin};
      return {follow, std::min(together_, private_.panels() - follow), blocks_.begin};
    };
    for (int64_t i = 0; i < items; ++i) MultiplyItem(packed, item(i), item(i + 1), range);
  }

  void MultiplyItem(Packed& packed, const Item& item, const Item& next, const Range& range) const {
    if (packed.item != item) PackPrivate(packed.panels, item);
    const int64_t tiles = item.count * (range.end - range.begin), k0 = next.block * block_k_;
    const int64_t k = next.panel < 0 ? 0 : LengthOf(next.block);
    const bool whole = ahead_ && next.panel >= 0 && private_.Whole(next.panel, k);
    for (int64_t tile = 0; tile < tiles; ++tile) {
      Ahead ahead{};
      PackAhead pack{};
      if (whole) {
        pack = private_.PackAheadOf(packed.next, next.panel, k0, k, tile, tiles);
      } else if (next.panel >= 0) {
        ahead = private_.AheadOf(next.panel, next.count, k0, k, tile, tiles);
      }
      const int64_t panel = tile % item.count;
      Tile(packed.panels + panel * PrivateWords(), item.panel + panel, range.begin + tile / item.count, item.block,
           ahead, pack);
    }
    if (visits_ && Last(item.block)) {
      const int64_t row = item.panel * kernel_.rows;
      visit_(row, std::min(row + item.count * kernel_.rows, out_.rows));
    }
    packed.item = item;
    if (!whole) return;
    std::swap(packed.panels, packed.next);
    packed.item = next;
  }

  void PackPrivate(float* out, const Item& item) const {
    const int64_t k0 = item.block * block_k_, k = LengthOf(item.block);
    if (in_rows_) {
      private_.PackRows(out, item.panel, k0, k);
    } else {
      private_.PackTurned(out, PrivateWords(), item.panel, item.count, k0, k);
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

  bool Last(int64_t block) const { return (block + 1) * block_k_ >= k_; }
  bool Written(int64_t block) const { return in_place_ || Last(block); }

  // One micro-kernel call and, behind the last block of K, the way to `out`.
  void Tile(const float* panel, int64_t private_panel, int64_t shared_panel, int64_t block,
            const Ahead& ahead, const PackAhead& pack) const {
    const Position at = PositionOf(private_panel, shared_panel);
    const bool turned = out_.col_stride != 1;
    const bool written = Written(block), direct = written && (!turned || out_.row_stride == 1);
    alignas(64) float own[kMaxTile];
    float* kept = own;
    if (kept_) {
      const int64_t panels = panels_.end - panels_.begin;
      kept = sums_ + (private_panel * panels + shared_panel - panels_.begin) * TileSize();
    }
    const TileEnd end = {kept,
                         kept_ && block > 0,
                         direct ? at.out : nullptr,
                         turned ? out_.col_stride : out_.row_stride,
                         out_.dtype == Dtype::kFp16,
                         accumulate_ || (in_place_ && block > 0),
                         at.rows,
                         at.columns,
                         ahead,
                         pack,
                         turned};
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
  const std::function<void(int64_t, int64_t)>& visit_;
  const bool in_place_;  // sums are formed in `out`
  const bool share_a_;
  const PanelSource &shared_, &private_;
  const bool in_rows_;      // how panels of the private operand are packed
  const bool ahead_;        // while the ones before are multiplied
  const int64_t together_;  // and how many of them at once; 1 if ahead
  bool visits_ = false;  // a thread writes whole rows of out
  bool kept_ = false;   // sums are kept in fp32 between blocks of K
  int64_t block_k_ = 0, block_words_ = 0;
  Range panels_ = {0, 0};    // of the shared operand that are packed
  Range blocks_ = {0, 0};    // of K
  float* packed_ = nullptr;  // [block of K][panel]
  float* sums_ = nullptr;    // [private panel][shared panel]
};

}  // namespace

bool GemmBlocked(ThreadPool& pool, const ConstMatrix& a, const ConstMatrix& b, const Matrix& out,
                 const GemmOptions& options) {
  return Product(pool, a, b, out, options).Run();
}

}  // namespace ane
