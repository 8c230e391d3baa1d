// Pieces of one job for the threads of a pool that work on what lies side by side.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace ane {

// [0, count) in equal shares, one for each of at most kMost threads. A thread takes pieces from the front of its own,
// so that it knows which comes next, and half of what is left of another's once that is done. count < 2^32.
class WorkShares {
 public:
  // `next` is where the thread's following piece begins unless another takes it, or -1.
  struct Piece {
    int64_t begin, end, next;
  };

  WorkShares(int64_t count, int threads) : shares_(std::clamp(threads, 1, kMost)) {
    for (int i = 0; i < shares_; ++i) left_[i] = Pack(count * i / shares_, count * (i + 1) / shares_);
  }

  int shares() const { return shares_; }

  // The next piece for the only thread that has this share, at most `most` long and shorter near the end; false when
  // all is taken.
  bool Take(int share, int64_t most, Piece& piece) {
    do {
      uint64_t left = left_[share].load(std::memory_order_relaxed);
      while (Begin(left) < End(left)) {
        const int64_t size = End(left) - Begin(left), n = std::min({size, most, std::max((most + 1) / 2, size / 2)});
        if (!left_[share].compare_exchange_weak(left, Pack(Begin(left) + n, End(left)), std::memory_order_relaxed)) {
          continue;
        }
        piece = {Begin(left), Begin(left) + n, n < size ? Begin(left) + n : -1};
        return true;
      }
    } while (Refill(share));
    return false;
  }

 private:
  static constexpr int kMost = 64;
  static uint64_t Pack(int64_t begin, int64_t end) { return static_cast<uint64_t>(begin) << 32 | end; }
  static int64_t Begin(uint64_t range) { return range >> 32; }
  static int64_t End(uint64_t range) { return range & 0xffffffff; }

  bool Refill(int share) {
    for (int i = 1; i < shares_; ++i) {
      std::atomic<uint64_t>& other = left_[(share + i) % shares_];
      uint64_t left = other.load(std::memory_order_relaxed);
      while (Begin(left) < End(left)) {
        const int64_t middle = (Begin(left) + End(left)) / 2;
        if (!other.compare_exchange_weak(left, Pack(Begin(left), middle), std::memory_order_relaxed)) continue;
        left_[share].store(Pack(middle, End(left)), std::memory_order_relaxed);
        return true;
      }
    }
    return false;
  }

  const int shares_;
  std::atomic<uint64_t> left_[kMost];  // of every share
};

}  // namespace ane
