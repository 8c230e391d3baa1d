// Which operations of a function run as one.
#pragma once

#include <vector>

#include "engine/attention_match.h"
#include "engine/ir.h"
#include "engine/quantized_match.h"
#include "engine/reducing_match.h"

namespace ane::engine {

class Groups {
 public:
  Groups(const Function& function, bool exact);

  // Indices of operations, groups and members in the order they run.
  const std::vector<std::vector<int>>& all() const { return groups_; }
  // The attention that a group is, or nullptr.
  const AttentionMatch* AttentionOf(const std::vector<int>& group) const;
  // The reductions and what is around them that a group is, or nullptr.
  const ReducingMatch* ReducingOf(const std::vector<int>& group) const;
  // The product of 8-bit numbers that an operation is, or nullptr.
  const QuantizedMatch* QuantizedOf(int operation) const;
  // Whether nothing needs an operation's results: all that would read them is matched.
  bool IsUnread(int operation) const { return unread_[size_t(operation)]; }
  // Whether a value is read outside of the group that computes it.
  bool IsStored(int value) const { return stored_[size_t(value)]; }
  // Announces that the members of a group run apart.
  void StoreAll(const std::vector<int>& group);

 private:
  void Form();
  void FindQuantized(bool exact);
  void MarkStored();

  const Function& function_;
  const std::vector<int> producers_;
  std::vector<std::vector<int>> groups_;
  std::vector<AttentionMatch> attentions_;
  std::vector<ReducingMatch> reducing_;
  std::vector<QuantizedMatch> quantized_;
  std::vector<bool> unread_, stored_;
};

}  // namespace ane::engine
