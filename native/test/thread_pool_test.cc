#include <atomic>
#include <chrono>
#include <new>
#include <thread>
#include <vector>

#include "base/thread_pool.h"
#include "check.h"

using ane::ThreadPool;

TEST(covers_every_index_once) {
  for (int threads : {1, 2, 3, 5}) {
    ThreadPool pool(threads);
    EXPECT(pool.threads() == threads);
    for (int64_t count : {0, 1, 2, 3, 7, 64, 1000, 4097}) {
      for (int64_t grain : {0, 1, 3, 100, 5000}) {
        std::vector<std::atomic<int>> visits(count);
        std::atomic<bool> whole{true};
        pool.ParallelFor(count, grain, [&](int64_t begin, int64_t end) {
          if (begin >= end || (end - begin < grain && end != count)) whole = false;
          for (int64_t i = begin; i < end; ++i) ++visits[i];
        });
        bool once = true;
        for (auto& visit : visits) once = once && visit == 1;
        EXPECT(once);
        EXPECT(whole);
      }
    }
  }
}

TEST(every_thread_begins_with_the_same_share_each_time) {
  ThreadPool pool(2);
  const auto caller = std::this_thread::get_id();
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> begun{0};
    int64_t first[2] = {-1, -1};
    pool.ParallelFor(64, 1, [&](int64_t begin, int64_t) {
      int64_t& own = first[std::this_thread::get_id() == caller ? 0 : 1];
      if (own >= 0) return;
      own = begin;
      ++begun;
      while (begun < 2) std::this_thread::yield();
    });
    EXPECT(first[0] == 0);
    EXPECT(first[1] == 32);
  }
}

TEST(runs_many_short_jobs_in_a_row_and_after_sleeping) {
  ThreadPool pool(2);
  int64_t total = 0;
  for (int i = 0; i < 3000; ++i) {
    std::atomic<int64_t> sum{0};
    pool.ParallelFor(10, 1, [&](int64_t begin, int64_t end) {
      for (int64_t j = begin; j < end; ++j) sum += j;
    });
    total += sum;
    if (i % 1000 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  EXPECT(total == 45 * 3000);
}

TEST(a_call_inside_a_body_runs_on_its_own_thread) {
  ThreadPool pool(2);
  std::atomic<int> elsewhere{0};
  std::atomic<int64_t> visited{0};
  pool.ParallelFor(16, 1, [&](int64_t begin, int64_t end) {
    const auto self = std::this_thread::get_id();
    for (int64_t i = begin; i < end; ++i) {
      pool.ParallelFor(8, 1, [&](int64_t from, int64_t to) {
        if (std::this_thread::get_id() != self) ++elsewhere;
        visited += to - from;
      });
    }
  });
  EXPECT(elsewhere == 0);
  EXPECT(visited == 128);
}

TEST(callers_on_several_threads_take_turns) {
  ThreadPool pool(2);
  std::atomic<int64_t> visited{0};
  const auto caller = [&] {
    for (int i = 0; i < 200; ++i) {
      pool.ParallelFor(20, 1, [&](int64_t begin, int64_t end) { visited += end - begin; });
    }
  };
  std::thread other(caller);
  caller();
  other.join();
  EXPECT(visited == 2 * 200 * 20);
}

TEST(starts_and_ends_without_work) {
  for (int i = 0; i < 20; ++i) ThreadPool pool(3);
  EXPECT(ThreadPool::AvailableCores() >= 1);
}

TEST(pools_that_run_at_once_share_the_cores) {
  constexpr int kPools = 4;
  const int cores = ThreadPool::AvailableCores();
  std::atomic<int> inside{0}, most{0};
  std::atomic<int64_t> visited{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < kPools; ++i) {
    callers.emplace_back([&] {
      ThreadPool pool(cores);
      for (int job = 0; job < 50; ++job) {
        pool.ParallelFor(64, 1, [&](int64_t begin, int64_t end) {
          const int now = ++inside;
          int before = most;
          while (now > before && !most.compare_exchange_weak(before, now)) {
          }
          for (std::atomic<int> spins{0}; spins < 2000;) ++spins;
          visited += end - begin;
          --inside;
        });
      }
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT(visited == int64_t{kPools} * 50 * 64);
  // Every caller works; a worker may have started on a piece just before the last caller came.
  EXPECT(most <= cores + kPools - 1);
}

TEST(a_body_without_memory_ends_the_job_for_the_caller_alone) {
  for (int threads : {1, 3}) {
    ThreadPool pool(threads);
    for (int round = 0; round < 100; ++round) {
      bool caught = false;
      try {
        pool.ParallelFor(64, 1, [&](int64_t begin, int64_t end) {
          if (begin <= 40 && 40 < end) throw std::bad_alloc();
        });
      } catch (const std::bad_alloc&) {
        caught = true;
      }
      EXPECT(caught);
      std::atomic<int64_t> visited{0};
      pool.ParallelFor(64, 1, [&](int64_t begin, int64_t end) { visited += end - begin; });
      EXPECT(visited == 64);
    }
  }
}

TEST(an_offer_is_taken_once_by_a_worker_or_by_nobody) {
  for (int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    int calls = 0;
    for (int round = 0; round < 500; ++round) {
      const auto caller = std::this_thread::get_id();
      int once = 0;
      bool elsewhere = true, nested_alone = true;
      auto body = [&] {
        ++once;
        const auto self = std::this_thread::get_id();
        elsewhere = self != caller;
        pool.ParallelFor(64, 1, [&](int64_t, int64_t) {
          if (std::this_thread::get_id() != self) nested_alone = false;
        });
      };
      pool.Offer(body);
      std::atomic<int64_t> visited{0};
      for (int job = 0; job < 3; ++job) {
        pool.ParallelFor(50, 1, [&](int64_t begin, int64_t end) { visited += end - begin; });
      }
      pool.Withdraw();
      EXPECT(visited == 150);
      EXPECT(once <= 1);
      EXPECT(elsewhere && nested_alone);
      calls += once;
      if (round % 100 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    EXPECT(threads > 1 || calls == 0);
  }
}

TEST(a_worker_that_took_an_offer_joins_jobs_again) {
  ThreadPool pool(2);
  std::atomic<bool> inside{false}, end{false};
  auto body = [&] {
    inside = true;
    while (!end) std::this_thread::yield();
  };
  pool.Offer(body);
  while (!inside) std::this_thread::yield();
  std::atomic<int64_t> visited{0};
  const auto self = std::this_thread::get_id();
  bool alone = true;
  pool.ParallelFor(64, 1, [&](int64_t from, int64_t to) {
    if (std::this_thread::get_id() != self) alone = false;
    visited += to - from;
  });
  EXPECT(alone);
  end = true;
  pool.Withdraw();
  for (bool joined = false; !joined;) {
    pool.ParallelFor(64, 1, [&](int64_t from, int64_t to) {
      if (std::this_thread::get_id() != self) joined = true;
      for (std::atomic<int> spins{0}; spins < 2000;) ++spins;
      visited += to - from;
    });
  }
  EXPECT(visited % 64 == 0);
}
