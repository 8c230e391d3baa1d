#include "engine/plan.h"

#include <algorithm>
#include <map>

namespace ane::engine {
namespace {

constexpr size_t kAlignment = 64;

size_t Align(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

// Free and used ranges of the scratch block while nodes pass by.
class Arena {
 public:
  // Smallest free range that fits, else the end of the block.
  size_t Take(size_t bytes) {
    auto best = free_.end();
    for (auto it = free_.begin(); it != free_.end(); ++it) {
      if (it->second >= bytes && (best == free_.end() || it->second < best->second)) best = it;
    }
    if (best == free_.end() && !free_.empty()) {
      const auto last = std::prev(free_.end());
      if (const size_t at = last->first; at + last->second == end_) {
        end_ = at + bytes;
        free_.erase(last);
        return at;
      }
    }
    if (best == free_.end()) {
      const size_t at = end_;
      end_ += bytes;
      return at;
    }
    const size_t at = best->first, rest = best->second - bytes;
    free_.erase(best);
    if (rest > 0) free_.emplace(at + bytes, rest);
    return at;
  }

  void Release(size_t at, size_t bytes) {
    auto [it, added] = free_.emplace(at, bytes);
    if (auto next = std::next(it); next != free_.end() && it->first + it->second == next->first) {
      it->second += next->second;
      free_.erase(next);
    }
    if (it != free_.begin()) {
      auto before = std::prev(it);
      if (before->first + before->second == it->first) {
        before->second += it->second;
        free_.erase(it);
      }
    }
  }

  size_t end() const { return end_; }

 private:
  std::map<size_t, size_t> free_;
  size_t end_ = 0;
};

}  // namespace

int Plan::AddBuffer(Buffer buffer) {
  buffers_.push_back(std::move(buffer));
  return int(buffers_.size()) - 1;
}

void Plan::Finish() {
  constexpr size_t kNever = SIZE_MAX;
  std::vector<size_t> first(buffers_.size(), kNever), last(buffers_.size(), 0);
  for (size_t i = 0; i < nodes_.size(); ++i) {
    for (int b : nodes_[i].buffers) {
      first[size_t(b)] = std::min(first[size_t(b)], i);
      last[size_t(b)] = i;
    }
  }
  std::vector<std::vector<size_t>> begins(nodes_.size()), ends(nodes_.size());
  for (size_t b = 0; b < buffers_.size(); ++b) {
    if (buffers_[b].kind != BufferKind::kScratch || first[b] == kNever) continue;
    begins[first[b]].push_back(b);
    ends[last[b]].push_back(b);
  }
  FindBindings(first);
  const size_t table = Align(buffers_.size() * sizeof(void*));
  Arena arena;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    for (size_t b : begins[i])
      buffers_[b].scratch_offset =
          table + arena.Take(Align(std::max<size_t>(buffers_[b].bytes, 1)));
    for (size_t b : ends[i])
      arena.Release(buffers_[b].scratch_offset - table,
                    Align(std::max<size_t>(buffers_[b].bytes, 1)));
  }
  scratch_bytes_ = table + arena.end();
}

// `first` is the node that is the first to use a buffer.
void Plan::FindBindings(const std::vector<size_t>& first) {
  const auto inputs = size_t(std::count_if(buffers_.begin(), buffers_.end(), [](const Buffer& b) {
    return b.kind == BufferKind::kInput;
  }));
  for (size_t b = 0; b < buffers_.size(); ++b) {
    const Buffer& buffer = buffers_[b];
    if (first[b] >= nodes_.size()) continue;
    if (buffer.kind == BufferKind::kInput) nodes_[first[b]].bindings.push_back(buffer.index);
    if (buffer.kind == BufferKind::kOutput)
      nodes_[first[b]].bindings.push_back(inputs + buffer.index);
  }
}

std::string Plan::LargestScratch() const {
  constexpr size_t kShown = 3;
  std::vector<const Buffer*> scratch;
  for (const Buffer& buffer : buffers_) {
    if (buffer.kind == BufferKind::kScratch) scratch.push_back(&buffer);
  }
  std::stable_sort(scratch.begin(), scratch.end(),
                   [](const Buffer* a, const Buffer* b) { return a->bytes > b->bytes; });
  std::string text;
  for (size_t i = 0; i < std::min(kShown, scratch.size()); ++i)
    text += (i ? ", " : "") + scratch[i]->what + " in " + std::to_string(scratch[i]->bytes);
  return text;
}

const char* Plan::Run(std::span<const void* const> inputs, std::span<void* const> outputs,
                      void* scratch, ThreadPool& pool, Readiness* ready) const {
  void** bases = static_cast<void**>(scratch);
  for (size_t b = 0; b < buffers_.size(); ++b) {
    const Buffer& buffer = buffers_[b];
    switch (buffer.kind) {
      case BufferKind::kInput: bases[b] = const_cast<void*>(inputs[buffer.index]); break;
      case BufferKind::kOutput: bases[b] = outputs[buffer.index]; break;
      case BufferKind::kConstant:
        bases[b] = const_cast<uint8_t*>(buffer.literal->bytes.data());
        break;
      case BufferKind::kScratch:
        bases[b] = static_cast<char*>(scratch) + buffer.scratch_offset;
        break;
    }
  }
  const RunContext context{bases, pool};
  for (const Node& node : nodes_) {
    if (ready != nullptr) {
      for (size_t binding : node.bindings) {
        if (!ready->Await(binding)) return kNeverReady;
      }
    }
    if (const char* message = node.run(context)) return message;
  }
  return nullptr;
}

}  // namespace ane::engine
