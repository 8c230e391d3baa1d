// A fixed pool of worker threads that spin briefly, then sleep.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace ane {

class ThreadPool {
 public:
  // `threads` includes the calling thread; at least 1.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const;

  // Calls body(begin, end) so that [0, count) is covered once, in chunks of at least `grain`, and returns when all are
  // done. The body must not throw. Calls from inside a body run on the calling thread.
  void ParallelFor(int64_t count, int64_t grain, const std::function<void(int64_t begin, int64_t end)>& body);

  // Cores this process may use: affinity mask and cgroup quota considered.
  static int AvailableCores();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ane
