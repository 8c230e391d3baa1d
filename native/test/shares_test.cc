#include "base/shares.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "check.h"

using ane::Share;

namespace {

constexpr auto kAll = [](int64_t left) { return left; };

std::vector<std::pair<int64_t, int64_t>> Cut(int64_t count, size_t parts) {
  std::vector<Share> shares(parts);
  ane::SetShares(shares, count);
  std::vector<std::pair<int64_t, int64_t>> ranges;
  for (Share& share : shares) {
    Share::Range taken{-1, -1};
    share.TakeFront(kAll, taken);
    ranges.emplace_back(taken.begin, taken.end);
  }
  return ranges;
}

}  // namespace

TEST(cuts_a_range_into_equal_shares_the_larger_ones_first) {
  using Ranges = std::vector<std::pair<int64_t, int64_t>>;
  EXPECT(Cut(10, 4) == (Ranges{{0, 3}, {3, 6}, {6, 8}, {8, 10}}));
  EXPECT(Cut(2, 3) == (Ranges{{0, 1}, {1, 2}, {-1, -1}}));
  EXPECT(Cut(int64_t{1} << 31, 2) == (Ranges{{0, int64_t{1} << 30}, {int64_t{1} << 30, int64_t{1} << 31}}));
}

TEST(gives_pieces_from_the_front_and_the_larger_half_from_the_back) {
  Share share;
  share.Set(5, 12);
  Share::Range taken;
  EXPECT(share.TakeFront([](int64_t) { return 2; }, taken) == 7);
  EXPECT(taken.begin == 5 && taken.end == 7);
  EXPECT(share.TakeBack(taken));
  EXPECT(taken.begin == 9 && taken.end == 12);
  EXPECT(share.TakeFront(kAll, taken) == 2);
  EXPECT(share.TakeFront(kAll, taken) == 0);
  EXPECT(!share.TakeBack(taken));
}

TEST(refills_from_the_next_share_that_has_something_left) {
  std::vector<Share> shares(3);
  for (Share& share : shares) share.Set(0, 0);
  shares[0].Set(40, 44);
  EXPECT(ane::Refill(shares, 1));
  Share::Range taken;
  EXPECT(shares[1].TakeFront(kAll, taken) == 2);
  EXPECT(taken.begin == 42 && taken.end == 44);
  EXPECT(!ane::Refill(shares, 0));
}
