#include "engine/block_steps.h"

namespace ane::engine {

int BlockSteps::Add(Step step) {
  step.result = values_++;
  steps_.push_back(step);
  return step.result;
}

int BlockSteps::Load(int place) {
  Step step{Kind::kLoad};
  step.place = place;
  return Add(step);
}

int BlockSteps::Hold(int place) {
  Step step{Kind::kHold};
  step.place = place;
  return Add(step);
}

int BlockSteps::Splat(float number) {
  Step step{Kind::kSplat};
  step.number = number;
  return Add(step);
}

int BlockSteps::Apply(const ElementwiseCall& call, std::vector<int> operands, Dtype result) {
  Step step{Kind::kApply};
  step.call = call;
  std::copy(operands.begin(), operands.end(), step.operands);
  step.dtype = result;
  return Add(step);
}

void BlockSteps::Store(int value, int place, bool rounds) {
  Step step{Kind::kStore};
  step.operands[0] = value;
  step.place = place;
  step.round = rounds;
  steps_.push_back(step);
}

// Rounding to fp16 is needed where something reads the value that does not round by itself.
void BlockSteps::Round() {
  std::vector<bool> read(size_t(values_), false);
  for (const Step& step : steps_) {
    if (step.kind == Kind::kStore && step.round) continue;
    for (int operand : step.operands) {
      if (operand >= 0) read[size_t(operand)] = true;
    }
  }
  for (Step& step : steps_) {
    step.round = exact_ && step.kind == Kind::kApply && step.dtype == Dtype::kFp16 &&
                 read[size_t(step.result)] && !KeepsFp16(step.call.op);
  }
}

// Loads of values only used late would hold a slot from the start; moving each next to its first
// use keeps few alive.
void BlockSteps::LoadLate() {
  std::vector<Step> ordered;
  std::vector<const Step*> pending(size_t(values_), nullptr);
  for (const Step& step : steps_) {
    if (IsKept(step.kind)) ordered.push_back(step);
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
}

bool BlockSteps::AssignSlots() {
  std::vector<size_t> last(size_t(values_), 0);
  for (size_t i = 0; i < steps_.size(); ++i) {
    for (int operand : steps_[i].operands) {
      if (operand >= 0) last[size_t(operand)] = i;
    }
    if (steps_[i].result >= 0)
      last[size_t(steps_[i].result)] = std::max(last[size_t(steps_[i].result)], i);
  }
  for (const Step& step : steps_) {
    if (IsKept(step.kind)) last[size_t(step.result)] = steps_.size();
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

bool BlockSteps::Finish() {
  Round();
  LoadLate();
  return AssignSlots();
}

}  // namespace ane::engine
