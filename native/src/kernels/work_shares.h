// Pieces of one job for the threads of a pool that work on what lies side by side.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "base/shares.h"

namespace ane {

// [0, count) in equal shares, one for each of at most kMost threads. A thread takes pieces from the front of its own,
// so that it knows which comes next, and half of what is left of another's once that is done. count < 2^32.
class WorkShares {
 public:
  // `next` is where the thread's following piece begins unless another takes it, or -1.
  struct Piece {
    int64_t begin, end, next;
  };

  WorkShares(int64_t count, int threads) : shares_(std::clamp(threads, 1, kMost)) { SetShares(left(), count); }

  int shares() const { return shares_; }

  // The next piece for the only thread that has this share, at most `most` long and shorter near the end; false when
  // all is taken.
  bool Take(int share, int64_t most, Piece& piece) {
    const auto size = [most](int64_t left) { return std::min({left, most, std::max((most + 1) / 2, left / 2)}); };
    do {
      Share::Range taken;
      if (const int64_t left = left_[share].TakeFront(size, taken); left > 0) {
        piece = {taken.begin, taken.end, taken.end - taken.begin < left ? taken.end : -1};
        return true;
      }
    } while (Refill(left(), share));
    return false;
  }

 private:
  static constexpr int kMost = 256;

  std::span<Share> left() { return std::span(left_).first(shares_); }

  const int shares_;
  Share left_[kMost];  // of every share
};

}  // namespace ane
