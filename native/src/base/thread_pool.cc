#include "base/thread_pool.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

#include "base/own_cores.h"
#include "base/scratch.h"
#include "base/shares.h"

namespace ane {
namespace {

// Set while a thread runs a body, so that a nested call does not wait for itself.
thread_local bool inside_body = false;

// Which of its pool's threads this is; 0 for callers.
thread_local size_t own_index = 0;

constexpr int kAllBusy = std::numeric_limits<int>::max();

// A range is shared out in at most so many units.
constexpr int64_t kMostUnits = int64_t{1} << 31;

constexpr size_t kWorkspaces = static_cast<size_t>(Workspace::kCount);

// Threads of all pools that run a body now. Callers always do; workers stay out of a job, or leave it after a piece, while
// that would make more of them than there are cores.
std::atomic<int> busy{0};

class Busy {
 public:
  Busy() : others_(busy.fetch_add(1, std::memory_order_relaxed)) {}
  ~Busy() { busy.fetch_sub(1, std::memory_order_relaxed); }
  int others() const { return others_; }

 private:
  const int others_;
};

// Long enough to bridge the gap between two kernels of a schedule, short enough not to disturb others.
constexpr auto kSpinTime = std::chrono::microseconds(150);

inline void Pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// Waits for a worker, which may have been taken off its core: gives way to it now and then.
template <typename Condition>
void SpinWhile(const Condition& holds) {
  for (int spins = 0; holds(); ++spins) {
    if (spins % 1024 == 1023) std::this_thread::yield();
    Pause();
  }
}

}  // namespace

// `gate` holds everything workers need to join a job or stay out of it: the number of workers inside it (bits 0–15),
// whether it is open (bit 16), and how many jobs there have been (above). The job's fields change only while the gate
// is closed and nobody is inside, so the caller never waits for a worker that sleeps.
struct ThreadPool::State {
  static constexpr uint64_t kInside = 0xffff;
  static constexpr uint64_t kOpen = 0x10000;
  static constexpr uint64_t kJob = 0x20000;

  std::atomic<uint64_t> gate{0};
  std::atomic<bool> failed{false};  // a body found no memory
  std::atomic<bool> unfinished{false};  // a share was left by a worker that went before its share was done
  int64_t count = 0;
  int64_t unit = 1;  // what shares count
  Call call = nullptr;
  void* context = nullptr;

  // What one worker does aside from the jobs; the call changes only while there is no offer.
  enum Offered { kNothing, kOpenOffer, kTaken };
  std::atomic<int> offered{kNothing};
  OfferedCall offered_call = nullptr;
  void* offered_context = nullptr;

  std::mutex callers;
  std::mutex sleep;
  std::condition_variable wake;
  std::atomic<int> sleeping{0};
  std::atomic<bool> stop{false};
  bool spin = true;
  int limit = 1;  // of busy threads; more than the cores only where a pool was asked to be larger
  OwnCores cores;
  std::vector<std::array<Scratch, kWorkspaces>> memory;        // of every thread
  std::array<std::atomic<size_t>, kWorkspaces> asked_inside{};  // the most bytes that bodies asked for
  std::atomic<bool> uneven{false};                              // not every thread has as many
  std::vector<Share> shares;  // of every thread, in units
  std::vector<std::thread> workers;

  // Takes half of what is left of the thread's share at a time, then of another's, so that the last pieces are small and
  // threads finish together. A worker goes once more threads than `most` are busy.
  void Work(int most) {
    const auto half = [](int64_t left) { return (left + 1) / 2; };
    while (!failed.load(std::memory_order_relaxed)) {
      if (busy.load(std::memory_order_relaxed) > most) return unfinished.store(true, std::memory_order_relaxed);
      Share::Range units;
      if (shares[own_index].TakeFront(half, units) == 0) {
        if (Refill(shares, own_index)) continue;
        return;
      }
      try {
        call(context, units.begin * unit, std::min(units.end * unit, count));
      } catch (const std::bad_alloc&) {
        failed.store(true, std::memory_order_relaxed);
      }
    }
  }

  bool Joinable(uint64_t value, uint64_t seen) const { return (value & kOpen) != 0 && value / kJob != seen; }

  // Called by the thread whose turn it is when no job runs; leaves everything while a worker may be at an offered body.
  void EvenMemory() {
    if (offered.load(std::memory_order_acquire) != kNothing) return;
    for (auto& own : memory) {
      for (size_t w = 0; w < kWorkspaces; ++w) own[w].Reserve<char>(asked_inside[w].load(std::memory_order_relaxed));
    }
    uneven.store(false, std::memory_order_relaxed);
  }

  // Returns whether there was an offer that this worker was the first to see. Like a job it needs a core.
  bool TakeOffer() {
    int open = kOpenOffer;
    if (!offered.compare_exchange_strong(open, kTaken, std::memory_order_acq_rel)) return false;
    {
      const Busy own;
      if (own.others() < limit) offered_call(offered_context);
    }
    offered.store(kNothing, std::memory_order_release);
    return true;
  }

  void Worker(size_t index) {
    inside_body = true;
    own_index = index;
    uint64_t seen = 0;
    while (Wait(seen)) {
      if (TakeOffer()) continue;
      uint64_t value = gate.load(std::memory_order_acquire);
      while (Joinable(value, seen) && !gate.compare_exchange_weak(value, value + 1, std::memory_order_acq_rel)) {
      }
      if (!Joinable(value, seen)) continue;
      seen = value / kJob;
      {
        const Busy own;
        if (own.others() < limit) Work(limit);
      }
      gate.fetch_sub(1, std::memory_order_release);
    }
  }

  // Returns true when there is an offer or a job to join, false when the pool ends.
  bool Wait(uint64_t seen) {
    const auto ready = [&] {
      return stop.load(std::memory_order_acquire) || offered.load() == kOpenOffer || Joinable(gate.load(), seen);
    };
    if (spin && busy.load(std::memory_order_relaxed) < limit) {
      const auto end = std::chrono::steady_clock::now() + kSpinTime;
      do {
        for (int i = 0; i < 32; ++i) {
          if (ready()) return !stop;
          Pause();
        }
      } while (std::chrono::steady_clock::now() < end);
    }
    std::unique_lock lock(sleep);
    ++sleeping;
    wake.wait(lock, ready);
    --sleeping;
    return !stop;
  }

  void WakeSleepers() {
    if (sleeping.load() == 0) return;
    { std::lock_guard lock(sleep); }
    wake.notify_all();
  }
};

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
  State& state = *state_;
  const int wanted = std::clamp(threads, 1, 1024) - 1;
  const int cores = AvailableCores();
  state.spin = threads <= cores;
  state.limit = std::max(threads, cores);
  state.workers.reserve(wanted);
  for (int i = 0; i < wanted; ++i) {
    try {
      state.workers.emplace_back([&state, i] { state.Worker(i + 1); });
    } catch (const std::system_error&) {
      break;
    }
  }
  state.memory.resize(state.workers.size() + 1);
  state.shares = std::vector<Share>(state.workers.size() + 1);
}

ThreadPool::~ThreadPool() {
  state_->stop = true;
  { std::lock_guard lock(state_->sleep); }
  state_->wake.notify_all();
  for (auto& worker : state_->workers) worker.join();
}

int ThreadPool::threads() const { return static_cast<int>(state_->workers.size()) + 1; }

void ThreadPool::Run(int64_t count, int64_t grain, Call call, void* context) {
  if (count <= 0) return;
  grain = std::max<int64_t>(grain, 1);
  State& state = *state_;
  if (inside_body) return call(context, 0, count);
  const Busy own;
  if (state.workers.empty() || count <= grain) return call(context, 0, count);
  std::lock_guard turn(state.callers);
  if (state.spin) state.cores.KeepOff(state.workers);
  state.count = count;
  state.unit = std::max(grain, (count - 1) / kMostUnits + 1);
  SetShares(state.shares, (count - 1) / state.unit + 1);
  state.call = call;
  state.context = context;
  const uint64_t jobs = state.gate.load() / State::kJob;
  state.gate.store((jobs + 1) * State::kJob | State::kOpen);
  state.WakeSleepers();
  inside_body = true;
  state.Work(kAllBusy);
  state.gate.fetch_and(~State::kOpen);
  SpinWhile([&] { return (state.gate.load(std::memory_order_acquire) & State::kInside) != 0; });
  if (state.unfinished.exchange(false, std::memory_order_relaxed)) state.Work(kAllBusy);
  inside_body = false;
  if (state.failed.exchange(false, std::memory_order_relaxed)) throw std::bad_alloc();
  if (state.uneven.load(std::memory_order_relaxed)) state.EvenMemory();
}

void* ThreadPool::ReserveBytes(Workspace workspace, size_t bytes) {
  State& state = *state_;
  const size_t w = static_cast<size_t>(workspace);
  if (inside_body) {
    std::atomic<size_t>& most = state.asked_inside[w];
    size_t asked = most.load(std::memory_order_relaxed);
    while (asked < bytes && !most.compare_exchange_weak(asked, bytes, std::memory_order_relaxed)) {
    }
    if (asked < bytes) state.uneven.store(true, std::memory_order_relaxed);
  }
  return state.memory[own_index][w].Reserve<char>(bytes);
}

void ThreadPool::Offer(OfferedCall call, void* context) {
  State& state = *state_;
  if (state.workers.empty()) return;
  std::lock_guard turn(state.callers);
  if (state.spin) state.cores.KeepOff(state.workers);
  state.offered_call = call;
  state.offered_context = context;
  state.offered.store(State::kOpenOffer);
  state.WakeSleepers();
}

void ThreadPool::Withdraw() {
  State& state = *state_;
  int open = State::kOpenOffer;
  state.offered.compare_exchange_strong(open, State::kNothing, std::memory_order_acq_rel);
  SpinWhile([&] { return state.offered.load(std::memory_order_acquire) == State::kTaken; });
  if (!state.uneven.load(std::memory_order_relaxed)) return;
  std::lock_guard turn(state.callers);
  try {
    state.EvenMemory();
  } catch (const std::bad_alloc&) {
    // The next job tries again, and whoever runs it learns of a failure.
  }
}

}  // namespace ane
