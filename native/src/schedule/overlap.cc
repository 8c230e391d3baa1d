#include "schedule/overlap.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <utility>

namespace ane {
namespace {

using Clock = std::chrono::steady_clock;

double MillisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

bool Shares(const std::vector<MemoryRange>& list, const MemoryRange& range) {
  return std::any_of(list.begin(), list.end(), [&](const MemoryRange& other) {
    return other.begin < range.end && range.begin < other.end;
  });
}

// Runs the entries of a schedule in order: a worker as long as it may, the caller whenever it needs some.
class Alongside {
 public:
  Alongside(Schedule& schedule, const Device::Session& session) : schedule_(schedule), session_(session) {
    for (size_t i = 0; i < schedule.size(); ++i) kernels_ = kernels_ && schedule.IsKernel(i);
  }
  ~Alongside() { Stop(); }

  // Offers the entries left to a worker. Runs of programs share the device's memory with those of the caller.
  void Offer() {
    if (offered_ || !kernels_ || !status_.ok() || done() == schedule_.size()) return;
    offered_ = true;
    stop_.store(false, std::memory_order_relaxed);
    session_.pool()->Offer(body_);
  }

  // Returns once the first `count` entries are complete, or one has failed.
  Status Complete(size_t count) {
    if (done() >= count) return {};
    const Clock::time_point start = Clock::now();
    Stop();
    while (status_.ok() && done() < count) RunNext();
    milliseconds_ += MillisecondsSince(start);
    return status_;
  }

  // Completes all entries and takes what the worker left behind.
  Status Finish() {
    const Status status = Complete(schedule_.size());
    Stop();
    return status;
  }

  // How many entries at the front have to be complete before memory is used behind the schedule.
  size_t NeededFor(const MemoryRange& memory) const {
    for (size_t count = schedule_.size(); count > done(); --count) {
      if (Shares(schedule_.Memory(count - 1), memory)) return count;
    }
    return 0;
  }

  // Milliseconds the caller spent in Complete, and, known after Finish, those a worker ran entries.
  double milliseconds() const { return milliseconds_; }
  double worker_milliseconds() const { return worker_milliseconds_; }

 private:
  size_t done() const { return done_.load(std::memory_order_acquire); }

  // Whoever runs entries has the schedule to itself: a worker between Offer and Stop, else the caller.
  void RunNext() {
    const size_t index = done_.load(std::memory_order_relaxed);
    status_ = schedule_.RunEntry(index, session_);
    if (status_.ok()) done_.store(index + 1, std::memory_order_release);
  }

  void RunAsWorker() {
    const Clock::time_point start = Clock::now();
    while (status_.ok() && done() < schedule_.size() && !stop_.load(std::memory_order_relaxed)) RunNext();
    worker_milliseconds_ += MillisecondsSince(start);
  }

  void Stop() {
    if (!offered_) return;
    stop_.store(true, std::memory_order_relaxed);
    session_.pool()->Withdraw();
    offered_ = false;
  }

  struct Body {
    Alongside& self;
    void operator()() const { self.RunAsWorker(); }
  };

  Schedule& schedule_;
  const Device::Session& session_;
  Body body_{*this};
  bool kernels_ = true;
  bool offered_ = false;
  Status status_;
  std::atomic<size_t> done_{0};
  std::atomic<bool> stop_{false};
  double milliseconds_ = 0;
  double worker_milliseconds_ = 0;
};

// Lets an entry of another schedule use memory once the entries that share it are complete, and offers the rest.
class Following : public Readiness {
 public:
  Following(Alongside& alongside, const std::vector<MemoryRange>& memory) : alongside_(alongside), memory_(memory) {}

  bool Await(size_t binding) override {
    failed_ = !alongside_.Complete(alongside_.NeededFor(memory_[binding])).ok();
    if (!failed_) alongside_.Offer();
    return !failed_;
  }

  // Whether an entry that had to be complete has failed.
  bool failed() const { return failed_; }

 private:
  Alongside& alongside_;
  const std::vector<MemoryRange>& memory_;
  bool failed_ = false;
};

}  // namespace

OverlapResult ExecuteOverlapped(Schedule& first, Schedule& second) {
  OverlapResult result;
  const Device::Session session(first.device());
  if (session.pool() == nullptr) {
    result.first = InvalidArgument("Expected a live device, got a disposed one.");
    return result;
  }
  const Clock::time_point start = Clock::now();
  Alongside alongside(first, session);
  for (size_t i = 0; i < second.size() && result.second.ok(); ++i) {
    const double waited = alongside.milliseconds();
    Following following(alongside, second.Memory(i));
    Status status = second.RunEntry(i, session, &following);
    second.Deduct(i, alongside.milliseconds() - waited);
    if (following.failed()) break;
    result.second = std::move(status);
  }
  result.first = alongside.Finish();
  first.set_total_milliseconds(alongside.milliseconds());
  second.set_total_milliseconds(MillisecondsSince(start) - alongside.milliseconds());
  result.alongside_milliseconds = alongside.worker_milliseconds();
  return result;
}

}  // namespace ane
