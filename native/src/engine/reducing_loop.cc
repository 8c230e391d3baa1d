#include "engine/reducing_loop.h"

#include <algorithm>
#include <functional>

#include "kernels/vec.h"

namespace ane::engine {
namespace {

constexpr int64_t kBlock = BlockSteps::kBlock;
constexpr int64_t kLeastColumns = 32;  // of a block when there are more threads than blocks

// Places of a walk below this are views, others reductions, or numbers where they are held.
constexpr int kNotView = 1 << 16;

}  // namespace

struct ReducingLoop::Block {
  int64_t columns;            // at most kColumns
  int64_t offsets[kMaxViews];  // of the first row's first column
  alignas(64) float numbers[size_t(kMaxNumbers) * kColumns];
  alignas(64) float slots[size_t(BlockSteps::kMaxSlots) * kBlock];

  float* Number(int i) { return numbers + i * kColumns; }
};

ReducingLoop::ReducingLoop(Shape shape, size_t axis, int passes)
    : shape_(std::move(shape)),
      axis_(axis),
      passes_(size_t(passes), Pass{{}, BlockSteps(true), {}}) {}

int ReducingLoop::AddView(const View& view) {
  views_.push_back(Broadcast(view, shape_));
  return int(views_.size()) - 1;
}

int ReducingLoop::LoadNumber(int pass, const View& view) {
  NumberStep step{Kind::kLoad};
  step.view = AddView(view);
  step.result = numbers_++;
  passes_[size_t(pass)].steps.push_back(step);
  return step.result;
}

int ReducingLoop::SplatNumber(int pass, float number) {
  NumberStep step{Kind::kSplat};
  step.number = number;
  step.result = numbers_++;
  passes_[size_t(pass)].steps.push_back(step);
  return step.result;
}

int ReducingLoop::ApplyNumber(int pass, const ElementwiseCall& call, std::vector<int> operands,
                              Dtype result) {
  NumberStep step{Kind::kApply};
  step.call = call;
  std::copy(operands.begin(), operands.end(), step.operands);
  step.result = numbers_++;
  step.round = result == Dtype::kFp16 && !KeepsFp16(call.op);
  passes_[size_t(pass)].steps.push_back(step);
  return step.result;
}

void ReducingLoop::StoreNumber(int pass, int number, const View& view) {
  NumberStep step{Kind::kStore};
  step.operands[0] = number;
  step.view = AddView(view);
  passes_[size_t(pass)].steps.push_back(step);
}

int ReducingLoop::Load(int pass, const View& view) { return Walk(pass).Load(AddView(view)); }

int ReducingLoop::Hold(int pass, int number) { return Walk(pass).Hold(kNotView + number); }

void ReducingLoop::Store(int pass, int value, const View& view) {
  if (!lead_) lead_ = views_.size();
  Walk(pass).Store(value, AddView(view), true);
}

int ReducingLoop::Reduce(int pass, int value, ReduceKind kind, Dtype result) {
  std::vector<Reduced>& reduced = passes_[size_t(pass)].reduced;
  Walk(pass).Store(value, kNotView + int(reduced.size()), false);
  reduced.push_back({numbers_, kind, result == Dtype::kFp16});
  return numbers_++;
}

bool ReducingLoop::Finish() {
  if (views_.size() > size_t(kMaxViews) || numbers_ > kMaxNumbers) return false;
  // Blocks follow its order in memory, or else that of a view that has every element.
  const auto whole = [](const View& view) {
    for (size_t i = 0; i < view.rank(); ++i) {
      if (view.shape[i] != 1 && view.strides[i] == 0) return false;
    }
    return true;
  };
  if (!lead_) lead_ = size_t(std::find_if(views_.begin(), views_.end(), whole) - views_.begin());
  if (*lead_ == views_.size()) return false;
  std::vector<View> kept;
  for (const View& view : views_) kept.push_back(WithoutAxis(view, int(axis_)));
  kept_ = Collapse(kept, *lead_);
  return std::all_of(passes_.begin(), passes_.end(), [](Pass& pass) { return pass.walk.Finish(); });
}

const char* ReducingLoop::Run(const RunContext& context) const {
  const int64_t inner = kept_.shape.back();
  const int64_t outer = ElementCount(kept_.shape) / std::max<int64_t>(inner, 1);
  int64_t width = kColumns;
  while (width > kLeastColumns && outer * ((inner + width - 1) / width) < context.pool.threads())
    width /= 2;
  const int64_t blocks = (inner + width - 1) / width;
  const auto body = [&](int64_t begin, int64_t end) {
    Block block;
    for (int64_t item = begin; item < end; ++item) {
      const int64_t first = item % blocks * width;
      block.columns = std::min(width, inner - first);
      for (size_t v = 0; v < views_.size(); ++v) {
        const RowCursor at(kept_.shape, kept_.strides[v], item / blocks * inner + first);
        block.offsets[v] = at.offset();
      }
      RunBlock(context, block);
    }
  };
  context.pool.ParallelFor(outer * blocks, 1, std::ref(body));
  return nullptr;
}

void ReducingLoop::RunBlock(const RunContext& context, Block& block) const {
  for (const Pass& pass : passes_) {
    RunNumbers(context, pass, block);
    if (!pass.walk.empty()) RunWalk(context, pass, block);
    for (const Reduced& reduced : pass.reduced) {
      float* sum = block.Number(reduced.number);
      if (reduced.kind == ReduceKind::kMean) {
        for (int64_t i = 0; i < block.columns; ++i) sum[i] /= float(shape_[axis_]);
      }
      if (reduced.round) Vec().round_fp16(sum, block.columns);
    }
  }
}

void ReducingLoop::RunNumbers(const RunContext& context, const Pass& pass, Block& block) const {
  const auto number = [&](int i) { return i < 0 ? nullptr : block.Number(i); };
  for (const NumberStep& step : pass.steps) {
    if (step.kind == Kind::kSplat) {
      std::fill_n(number(step.result), block.columns, step.number);
    } else if (step.kind == Kind::kApply) {
      ApplyBlock(step.call, step.round, number(step.result), number(step.operands[0]),
                 number(step.operands[1]), number(step.operands[2]), block.columns);
    } else {
      const View& view = views_[size_t(step.view)];
      void* data = context.Data(view);
      const int64_t offset = block.offsets[step.view];
      const int64_t stride = kept_.strides[size_t(step.view)].back();
      if (step.kind == Kind::kLoad)
        LoadRun(number(step.result), data, view.dtype, offset, stride, block.columns);
      else
        StoreRun(number(step.operands[0]), data, view.dtype, offset, stride, block.columns);
    }
  }
}

void ReducingLoop::RunWalk(const RunContext& context, const Pass& pass, Block& block) const {
  const VecTable& vec = Vec();
  const int64_t n = block.columns, most = kBlock / n;
  pass.walk.Begin(block.slots, [&](int place, float* slot) {
    for (int64_t r = 0; r < most; ++r) std::copy_n(block.Number(place - kNotView), n, slot + r * n);
  });
  for (int64_t first = 0; first < shape_[axis_]; first += most) {
    const int64_t rows = std::min(most, shape_[axis_] - first);
    // Where a view's rows of this step are; those of the next are asked for, even of the second-
    // level cache.
    const auto at = [&](int place, auto move) {
      const View& view = views_[size_t(place)];
      const int64_t step = view.strides[axis_], stride = kept_.strides[size_t(place)].back();
      const int64_t offset = block.offsets[place] + first * step;
      void* data = context.Data(view);
      move(data, view.dtype, offset, step, stride);
      if (stride != 1 || step == 0) return;
      for (int64_t r = 0; r < rows; ++r) Prefetch(data, view.dtype, offset + (rows + r) * step, n);
    };
    const auto load = [&](int place, float* slot) {
      at(place, [&](const void* data, Dtype dtype, int64_t offset, int64_t step, int64_t stride) {
        if (dtype == Dtype::kFp16 && stride == 1)
          return vec.load_halves(slot, static_cast<const uint16_t*>(data) + offset, step, rows, n);
        if (dtype == Dtype::kFp16 && stride == 0)
          return vec.spread_halves(slot, static_cast<const uint16_t*>(data) + offset, step, rows,
                                   n);
        for (int64_t r = 0; r < rows; ++r)
          LoadRun(slot + r * n, data, dtype, offset + r * step, stride, n);
      });
    };
    const auto store = [&](int place, const float* slot) {
      if (place >= kNotView) {
        const Reduced& reduced = pass.reduced[size_t(place - kNotView)];
        float* sum = block.Number(reduced.number);
        if (first == 0) std::copy_n(slot, n, sum);
        const int64_t skip = first == 0 ? 1 : 0;
        const auto combine = reduced.kind == ReduceKind::kMax   ? vec.maximum_rows
                             : reduced.kind == ReduceKind::kMin ? vec.minimum_rows
                                                                : vec.add_rows;
        return combine(sum, slot + skip * n, rows - skip, n);
      }
      at(place, [&](void* data, Dtype dtype, int64_t offset, int64_t step, int64_t stride) {
        if (dtype == Dtype::kFp16 && stride == 1)
          return vec.store_halves(static_cast<uint16_t*>(data) + offset, step, slot, rows, n);
        for (int64_t r = 0; r < rows; ++r)
          StoreRun(slot + r * n, data, dtype, offset + r * step, stride, n);
      });
    };
    pass.walk.Run(block.slots, rows * n, load, store);
  }
}

}  // namespace ane::engine
