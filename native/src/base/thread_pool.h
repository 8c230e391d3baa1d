// A fixed pool of worker threads that spin briefly, then sleep.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace ane {

// What threads of a pool work in: each has memory of its own for each, kept for the next call.
enum class Workspace {
  kSharedPanels,
  kPrivatePanels,
  kKeptSums,
  kInt8Columns,
  kColumns,
  kColumnSums,
  kColumnMeans,
  kColumnLosses,
  kColumnShifts,
  kCount
};

class ThreadPool {
 public:
  // `threads` includes the calling thread; at least 1. Fewer are started if the system refuses more.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const;

  // Calls body(begin, end) so that [0, count) is covered once, in chunks of at least `grain` (the last may be
  // smaller), and returns when all are done. Every thread begins with the same share of a range each time and goes on with
  // what others have left: what it wrote in one call, it finds in its caches in the next over the same elements. How the
  // range is cut and who takes what is left varies from call to call. The body throws nothing but
  // std::bad_alloc, which ends the job and is thrown again here once no thread is in it.
  // Calls from inside a body run on the calling thread; calls from several threads take turns. Workers of several pools
  // that run at once help only while there are cores for them. Allocates nothing.
  template <typename Body>
  void ParallelFor(int64_t count, int64_t grain, Body&& body) {
    using Plain = std::remove_reference_t<Body>;
    Run(
        count, grain, [](void* context, int64_t begin, int64_t end) { (*static_cast<Plain*>(context))(begin, end); },
        const_cast<std::remove_const_t<Plain>*>(&body));
  }

  // At least `count` elements for the calling thread, 64-byte aligned, contents undefined; ends what an earlier call for
  // the same workspace gave this thread, also if it throws std::bad_alloc. Called inside a body of this pool, or outside
  // by one thread at a time. What a body asks for, every thread has when the job ends: a job like it allocates nothing,
  // whichever thread takes which share.
  template <typename T>
  T* Reserve(Workspace workspace, size_t count) {
    return static_cast<T*>(ReserveBytes(workspace, count * sizeof(T)));
  }

  // Offers `body` to the workers: the first that is free calls it once while the caller goes on, and is missing in jobs
  // until it returns. Where there is no worker, or no core for one, nobody does. The body throws nothing; calls of
  // ParallelFor in it run on its thread. One offer at a time, to be withdrawn by the same thread. Allocates nothing.
  template <typename Body>
  void Offer(Body& body) {
    Offer([](void* context) { (*static_cast<Body*>(context))(); }, &body);
  }
  // Ends the offer: nobody begins the body any more, and a worker that has begun it has returned.
  void Withdraw();

  // Cores this process may use: affinity mask and cgroup quota considered.
  static int AvailableCores();

 private:
  using Call = void (*)(void* context, int64_t begin, int64_t end);
  using OfferedCall = void (*)(void* context);
  void Run(int64_t count, int64_t grain, Call call, void* context);
  void* ReserveBytes(Workspace workspace, size_t bytes);
  void Offer(OfferedCall call, void* context);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ane
