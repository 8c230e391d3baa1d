#include "engine/fused_loop.h"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>

namespace ane::engine {
namespace {

constexpr int64_t kBlock = BlockSteps::kBlock;
constexpr int64_t kGrain = 8;  // blocks worth a thread's while

}  // namespace

int FusedLoop::Load(const View& view) {
  views_.push_back(Broadcast(view, shape_));
  return steps_.Load(int(views_.size()) - 1);
}

void FusedLoop::Store(int value, const View& view) {
  if (lead_ < 0) lead_ = int(views_.size());
  steps_.Store(value, int(views_.size()), true);
  views_.push_back(view);
}

bool FusedLoop::Finish() {
  if (views_.size() > size_t(kMaxViews) || !steps_.Finish()) return false;
  // The loop follows the memory order of the first stored view.
  nest_ = Collapse(views_, size_t(std::max(lead_, 0)));
  count_ = ElementCount(shape_);
  return true;
}

const char* FusedLoop::Run(const RunContext& context) const {
  const int64_t blocks = (count_ + kBlock - 1) / kBlock;
  const auto body = [&](int64_t begin, int64_t end) { RunBlocks(context, begin, end); };
  context.pool.ParallelFor(blocks, kGrain, std::ref(body));
  return nullptr;
}

void FusedLoop::RunBlocks(const RunContext& context, int64_t begin, int64_t end) const {
  alignas(64) float slots[size_t(BlockSteps::kMaxSlots) * kBlock];
  std::array<std::optional<RowCursor>, kMaxViews> cursors;
  for (size_t v = 0; v < views_.size(); ++v)
    cursors[v].emplace(nest_.shape, nest_.strides[v], begin * kBlock);
  steps_.Begin(slots, [](int, float*) {});
  for (int64_t block = begin; block < end; ++block) {
    const int64_t n = std::min<int64_t>(kBlock, count_ - block * kBlock);
    // move(data, offset, stride, done, part) for every run of a view's elements in the block.
    const auto runs = [&](int place, auto move) {
      const View& view = views_[size_t(place)];
      RowCursor& cursor = *cursors[size_t(place)];
      const int64_t stride = nest_.strides[size_t(place)].back();
      void* data = context.Data(view);
      for (int64_t done = 0; done < n;) {
        const int64_t part = std::min(n - done, cursor.left_in_row());
        move(data, view.dtype, cursor.offset(), stride, done, part);
        // Where rows end one block behind, that is not what comes next, and perhaps no memory of
        // the view: then nothing is gained, and nothing read.
        if (stride == 1) Prefetch(data, view.dtype, cursor.offset() + kBlock, part);
        cursor.Advance(part);
        done += part;
      }
    };
    steps_.Run(
        slots, n,
        [&](int place, float* slot) {
          runs(place, [&](const void* data, Dtype dtype, int64_t offset, int64_t stride,
                          int64_t done, int64_t part) {
            LoadRun(slot + done, data, dtype, offset, stride, part);
          });
        },
        [&](int place, const float* slot) {
          runs(place, [&](void* data, Dtype dtype, int64_t offset, int64_t stride, int64_t done,
                          int64_t part) {
            StoreRun(slot + done, data, dtype, offset, stride, part);
          });
        });
  }
}

}  // namespace ane::engine
