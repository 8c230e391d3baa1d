#include "engine/fused_loop.h"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>

namespace ane::engine {
namespace {

constexpr int64_t kGrain = 8;  // blocks worth a thread's while
constexpr int64_t kLine = 64;  // bytes

// Asks for what lies one block behind n elements. Where rows end there that is not what comes next,
// and perhaps no memory of the view: then nothing is gained, and nothing read.
void PrefetchNext(const void* data, Dtype dtype, int64_t offset, int64_t n) {
  const int64_t size = int64_t(SizeOf(dtype));
  const uintptr_t first = uintptr_t(data) + uintptr_t((offset + FusedLoop::kBlock) * size);
  for (int64_t at = 0; at < n * size; at += kLine)
    __builtin_prefetch(reinterpret_cast<const void*>(first + uintptr_t(at)));
}

}  // namespace

int FusedLoop::Load(const View& view) {
  Step step{Kind::kLoad};
  step.result = values_++;
  step.view = int(views_.size());
  step.dtype = view.dtype;
  views_.push_back(Broadcast(view, shape_));
  steps_.push_back(step);
  return step.result;
}

int FusedLoop::Splat(float number) {
  Step step{Kind::kSplat};
  step.result = values_++;
  step.number = number;
  steps_.push_back(step);
  return step.result;
}

int FusedLoop::Apply(const ElementwiseCall& call, std::vector<int> operands, Dtype result) {
  Step step{Kind::kApply};
  step.call = call;
  std::copy(operands.begin(), operands.end(), step.operands);
  step.result = values_++;
  step.dtype = result;
  steps_.push_back(step);
  return step.result;
}

void FusedLoop::Store(int value, const View& view) {
  Step step{Kind::kStore};
  step.operands[0] = value;
  step.view = int(views_.size());
  step.dtype = view.dtype;
  views_.push_back(view);
  steps_.push_back(step);
}

std::vector<View> FusedLoop::Views() const { return views_; }

// Rounding to fp16 is needed where another operation reads the value; a store rounds by itself.
void FusedLoop::Round() {
  std::vector<bool> read(size_t(values_), false);
  for (const Step& step : steps_) {
    if (step.kind != Kind::kApply) continue;
    for (int operand : step.operands) {
      if (operand >= 0) read[size_t(operand)] = true;
    }
  }
  for (Step& step : steps_) {
    step.round = exact_ && step.kind == Kind::kApply && step.dtype == Dtype::kFp16 &&
                 read[size_t(step.result)] && !KeepsFp16(step.call.op);
  }
}

bool FusedLoop::AssignSlots() {
  std::vector<size_t> last(size_t(values_), 0);
  for (size_t i = 0; i < steps_.size(); ++i) {
    for (int operand : steps_[i].operands) {
      if (operand >= 0) last[size_t(operand)] = i;
    }
    if (steps_[i].result >= 0)
      last[size_t(steps_[i].result)] = std::max(last[size_t(steps_[i].result)], i);
  }
  for (const Step& step : steps_) {
    if (step.kind == Kind::kSplat) last[size_t(step.result)] = steps_.size();
  }
  std::vector<int> slot(size_t(values_), -1), free;
  for (int i = kMaxSlots; i-- > 0;) free.push_back(i);
  const auto take = [&](int value) {
    if (free.empty()) return false;
    slot[size_t(value)] = free.back();
    free.pop_back();
    return true;
  };
  for (size_t i = 0; i < steps_.size(); ++i) {
    Step& step = steps_[i];
    // The result gets its slot before operands give theirs back: a block function may write before
    // it has read all.
    if (step.result >= 0 && !take(step.result)) return false;
    for (int k = 0; k < 3; ++k) {
      const int value = step.operands[k];
      if (value < 0) continue;
      step.operands[k] = slot[size_t(value)];
      const bool repeated =
          std::find(step.operands, step.operands + k, slot[size_t(value)]) != step.operands + k;
      if (last[size_t(value)] == i && !repeated) free.push_back(slot[size_t(value)]);
    }
    if (step.result >= 0) {
      if (last[size_t(step.result)] == i) free.push_back(slot[size_t(step.result)]);
      step.result = slot[size_t(step.result)];
    }
  }
  return true;
}

bool FusedLoop::Finish() {
  Round();
  // Loads of values only used late would hold a slot from the start; moving each next to its first
  // use keeps few alive.
  std::vector<Step> ordered;
  std::vector<const Step*> pending(size_t(values_), nullptr);
  for (const Step& step : steps_) {
    if (step.kind == Kind::kSplat) ordered.push_back(step);
    if (step.kind == Kind::kLoad) pending[size_t(step.result)] = &step;
  }
  for (const Step& step : steps_) {
    if (step.kind != Kind::kApply && step.kind != Kind::kStore) continue;
    for (int operand : step.operands) {
      if (operand < 0 || pending[size_t(operand)] == nullptr) continue;
      ordered.push_back(*pending[size_t(operand)]);
      pending[size_t(operand)] = nullptr;
    }
    ordered.push_back(step);
  }
  steps_ = std::move(ordered);
  if (views_.size() > size_t(kMaxViews) || !AssignSlots()) return false;
  // The loop follows the memory order of the first stored view.
  std::vector<int> renamed(views_.size(), -1);
  std::vector<View> views;
  for (const Kind kind : {Kind::kStore, Kind::kLoad}) {
    for (Step& step : steps_) {
      if (step.kind != kind) continue;
      views.push_back(views_[size_t(step.view)]);
      renamed[size_t(step.view)] = int(views.size()) - 1;
    }
  }
  for (Step& step : steps_) {
    if (step.view >= 0) step.view = renamed[size_t(step.view)];
  }
  views_ = std::move(views);
  nest_ = Collapse(views_);
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
  alignas(64) float slots[size_t(kMaxSlots) * kBlock];
  std::array<std::optional<RowCursor>, kMaxViews> cursors;
  for (const Step& step : steps_) {
    if (step.kind == Kind::kSplat) std::fill_n(slots + step.result * kBlock, kBlock, step.number);
    if (step.view >= 0)
      cursors[size_t(step.view)].emplace(nest_.shape, nest_.strides[size_t(step.view)],
                                         begin * kBlock);
  }
  const auto slot = [&](int i) { return i < 0 ? nullptr : slots + i * kBlock; };
  for (int64_t block = begin; block < end; ++block) {
    const int64_t n = std::min<int64_t>(kBlock, count_ - block * kBlock);
    for (const Step& step : steps_) {
      if (step.kind == Kind::kApply) {
        ApplyBlock(step.call, step.round, slot(step.result), slot(step.operands[0]),
                   slot(step.operands[1]), slot(step.operands[2]), n);
      } else if (step.view >= 0) {
        Move(context, step, *cursors[size_t(step.view)], n, slots);
      }
    }
  }
}

void FusedLoop::Move(const RunContext& context, const Step& step, RowCursor& cursor, int64_t n,
                     float* slots) const {
  const int64_t stride = nest_.strides[size_t(step.view)].back();
  void* data = context.Data(views_[size_t(step.view)]);
  for (int64_t done = 0; done < n;) {
    const int64_t part = std::min(n - done, cursor.left_in_row());
    if (step.kind == Kind::kLoad) {
      LoadRun(slots + step.result * kBlock + done, data, step.dtype, cursor.offset(), stride, part);
    } else {
      StoreRun(slots + step.operands[0] * kBlock + done, data, step.dtype, cursor.offset(), stride,
               part);
    }
    if (stride == 1) PrefetchNext(data, step.dtype, cursor.offset(), part);
    cursor.Advance(part);
    done += part;
  }
}

}  // namespace ane::engine
