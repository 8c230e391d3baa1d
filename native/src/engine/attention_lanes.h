// Working memory of attention in the scratch block: one piece per thread that may run at once.
#pragma once

#include <algorithm>

#include "engine/plan.h"
#include "kernels/work_shares.h"

namespace ane::engine {

// What lies in a lane: parts that begin at cache lines.
class LaneLayout {
 public:
  struct Part {
    int64_t start, step;  // step from one of several to the next
    float* In(float* lane, size_t i = 0) const { return lane + start + int64_t(i) * step; }
  };
  Part Take(int64_t floats, size_t count = 1) {
    const Part part{floats_, (floats + 15) / 16 * 16};
    floats_ += int64_t(count) * part.step;
    return part;
  }
  int64_t floats() const { return floats_; }

 private:
  int64_t floats_ = 0;
};

class AttentionLanes {
 public:
  // How many lanes `tasks` independent parts are worth on this machine.
  static int64_t CountFor(int64_t tasks) {
    return std::max<int64_t>(1, std::min<int64_t>(tasks, ThreadPool::AvailableCores()));
  }

  // scratch [lanes, floats of one], fp32.
  explicit AttentionLanes(View scratch) : scratch_(std::move(scratch)) {}

  // Calls body(task, floats) for every task, those that follow each other mostly in one lane, on as
  // many threads as there are lanes; with fewer tasks than threads one after the other, so that the
  // body can share out its own work. Every lane has a copy of the body, which may remember
  // something from one task to the next.
  template <typename Body>
  void ForEach(const RunContext& context, int64_t tasks, const Body& body) const {
    const bool together = tasks >= context.pool.threads();
    const int64_t lanes = std::min<int64_t>(scratch_.shape[0], context.pool.threads());
    WorkShares work(tasks, together ? int(lanes) : 1);
    const auto run = [&](int64_t begin, int64_t end) {
      for (int64_t lane = begin; lane < end; ++lane) {
        float* floats = context.Data<float>(scratch_) + lane * scratch_.strides[0];
        Body own = body;
        WorkShares::Piece piece;
        while (work.Take(int(lane), 1, piece)) own(piece.begin, floats);
      }
    };
    if (!together) return run(0, 1);
    context.pool.ParallelFor(work.shares(), 1, run);
  }

 private:
  View scratch_;
};

}  // namespace ane::engine
