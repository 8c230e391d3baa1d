// A range that threads take pieces of, each from a share of its own as long as it has one.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace ane {

// What is left of one thread's share, below 2^32. On a cache line of its own, so that threads disturb each other only where
// one takes from another.
class alignas(64) Share {
 public:
  struct Range {
    int64_t begin, end;
  };

  void Set(int64_t begin, int64_t end) { left_.store(Pack(begin, end), std::memory_order_relaxed); }

  // Takes `size(left)`, at least 1 and at most left, from the front and returns how many there were; 0 if nothing is left.
  template <typename Size>
  int64_t TakeFront(const Size& size, Range& taken) {
    uint64_t left = left_.load(std::memory_order_relaxed);
    while (Begin(left) < End(left)) {
      const int64_t count = End(left) - Begin(left), middle = Begin(left) + size(count);
      if (!left_.compare_exchange_weak(left, Pack(middle, End(left)), std::memory_order_relaxed)) continue;
      taken = {Begin(left), middle};
      return count;
    }
    return 0;
  }

  // Takes half from the back, more if it is odd; false if nothing is left.
  bool TakeBack(Range& taken) {
    uint64_t left = left_.load(std::memory_order_relaxed);
    while (Begin(left) < End(left)) {
      const int64_t middle = (Begin(left) + End(left)) / 2;
      if (!left_.compare_exchange_weak(left, Pack(Begin(left), middle), std::memory_order_relaxed)) continue;
      taken = {middle, End(left)};
      return true;
    }
    return false;
  }

 private:
  static uint64_t Pack(int64_t begin, int64_t end) { return static_cast<uint64_t>(begin) << 32 | end; }
  static int64_t Begin(uint64_t range) { return range >> 32; }
  static int64_t End(uint64_t range) { return range & 0xffffffff; }

  std::atomic<uint64_t> left_;
};

// Cuts [0, count) into equal shares, the larger ones first. The order of parts is that of threads, so that one which works on
// the same part of one thing after the other finds it in its caches.
inline void SetShares(std::span<Share> shares, int64_t count) {
  const auto parts = static_cast<int64_t>(shares.size()), least = count / parts, larger = count % parts;
  for (int64_t i = 0; i < parts; ++i) {
    shares[i].Set(i * least + std::min(i, larger), (i + 1) * least + std::min(i + 1, larger));
  }
}

// Gives a thread whose share is done half of what is left of another's; false if nothing is left. Only the share's own thread
// calls it.
inline bool Refill(std::span<Share> shares, size_t own) {
  for (size_t i = 1; i < shares.size(); ++i) {
    Share::Range taken;
    if (!shares[(own + i) % shares.size()].TakeBack(taken)) continue;
    shares[own].Set(taken.begin, taken.end);
    return true;
  }
  return false;
}

}  // namespace ane
