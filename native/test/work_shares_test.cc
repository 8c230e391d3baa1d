#include "kernels/work_shares.h"

#include <atomic>
#include <cstdint>
#include <vector>

#include "base/thread_pool.h"
#include "check.h"

using ane::ThreadPool;
using ane::WorkShares;

TEST(one_thread_takes_the_shares_of_threads_that_never_come) {
  for (int64_t count : {0, 1, 7, 64, 257}) {
    for (int threads : {1, 3, 200}) {
      WorkShares work(count, threads);
      std::vector<int> taken(count);
      WorkShares::Piece piece;
      while (work.Take(work.shares() - 1, 8, piece)) {
        EXPECT(piece.end - piece.begin >= 1 && piece.end - piece.begin <= 8);
        EXPECT(piece.next == -1 || piece.next == piece.end);
        for (int64_t i = piece.begin; i < piece.end; ++i) ++taken[i];
      }
      EXPECT(taken == std::vector<int>(count, 1));
    }
  }
}

TEST(threads_take_every_piece_once) {
  ThreadPool pool(4);
  for (int64_t count : {1, 17, 1000}) {
    std::vector<std::atomic<int>> taken(count);
    WorkShares work(count, 4);
    pool.ParallelFor(work.shares(), 1, [&](int64_t begin, int64_t end) {
      WorkShares::Piece piece;
      for (; begin < end; ++begin) {
        while (work.Take(static_cast<int>(begin), 3, piece)) {
          for (int64_t i = piece.begin; i < piece.end; ++i) ++taken[i];
        }
      }
    });
    for (const std::atomic<int>& times : taken) EXPECT(times == 1);
  }
}
