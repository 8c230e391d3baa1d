#include "engine/groups.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/fusion.h"

namespace ane::engine {
namespace {

// The match whose operations are a group, or nullptr.
template <typename Match>
const Match* MatchOf(const std::vector<Match>& matches, const std::vector<int>& group) {
  const auto found = std::find_if(matches.begin(), matches.end(),
                                  [&](const Match& match) { return match.operations == group; });
  return found == matches.end() ? nullptr : &*found;
}

}  // namespace

Groups::Groups(const Function& function, bool exact)
    : function_(function), producers_(Producers(function)) {
  Form();
  FindQuantized(exact);
  MarkStored();
}

const AttentionMatch* Groups::AttentionOf(const std::vector<int>& group) const {
  return MatchOf(attentions_, group);
}

const ReducingMatch* Groups::ReducingOf(const std::vector<int>& group) const {
  return MatchOf(reducing_, group);
}

const QuantizedMatch* Groups::QuantizedOf(int operation) const {
  const auto found = std::find_if(quantized_.begin(), quantized_.end(),
                                  [&](const QuantizedMatch& match) { return match.operation == operation; });
  return found == quantized_.end() ? nullptr : &*found;
}

void Groups::StoreAll(const std::vector<int>& group) {
  for (int i : group) stored_[size_t(function_.operations[size_t(i)].results[0])] = true;
}

void Groups::Form() {
  std::vector<std::vector<int>> units;
  groups_ = *GroupOperations(function_, units);
  // Keeps the matches that can run as one beside those that do already.
  const auto unite = [&](auto found, auto& matches) {
    for (auto& match : found) {
      units.push_back(match.operations);
      if (auto groups = GroupOperations(function_, units)) {
        groups_ = std::move(*groups);
        matches.push_back(std::move(match));
      } else {
        units.pop_back();
      }
    }
  };
  unite(MatchAttention(function_), attentions_);
  unite(MatchReducing(function_, units), reducing_);
}

void Groups::FindQuantized(bool exact) {
  std::vector<bool> whole(function_.operations.size(), false);  // part of something larger
  for (const std::vector<int>& group : groups_) {
    for (int i : group) whole[size_t(i)] = group.size() > 1;
  }
  std::vector<bool> matched(whole.size(), false);
  for (QuantizedMatch& match : MatchQuantized(function_, exact)) {
    if (whole[size_t(match.operation)]) continue;
    matched[size_t(match.operation)] = true;
    quantized_.push_back(std::move(match));
  }
  const auto mark_read = [&](int value) {
    if (const int producer = producers_[size_t(value)]; producer >= 0) unread_[size_t(producer)] = false;
  };
  // Dequantized numbers that only such products read.
  unread_.assign(whole.size(), false);
  for (const QuantizedMatch& match : quantized_) unread_[size_t(match.dequantize)] = true;
  for (size_t i = 0; i < function_.operations.size(); ++i) {
    if (matched[i]) continue;
    for (const Operand& operand : function_.operations[i].operands) {
      for (int value : operand.values) mark_read(value);
    }
  }
  for (int output : function_.outputs) mark_read(output);
}

void Groups::MarkStored() {
  std::vector<int> group_of(function_.operations.size(), -1);
  for (size_t g = 0; g < groups_.size(); ++g) {
    for (int i : groups_[g]) group_of[size_t(i)] = int(g);
  }
  stored_.assign(function_.values.size(), false);
  for (size_t i = 0; i < function_.operations.size(); ++i) {
    for (const Operand& operand : function_.operations[i].operands) {
      for (int value : operand.values) {
        const int producer = producers_[size_t(value)];
        if (producer < 0 || group_of[size_t(producer)] != group_of[i]) stored_[size_t(value)] = true;
      }
    }
  }
  for (int output : function_.outputs) stored_[size_t(output)] = true;
}

}  // namespace ane::engine
