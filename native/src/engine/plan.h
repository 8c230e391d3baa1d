// What an executable runs: buffers, nodes in order, and where scratch buffers lie.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "engine/readiness.h"
#include "engine/view.h"

namespace ane::engine {

struct RunContext {
  void* const* bases;  // start of every buffer
  ThreadPool& pool;

  template <typename T = void>
  T* Data(const View& view) const {
    return reinterpret_cast<T*>(static_cast<char*>(bases[view.buffer]) +
                                view.offset * int64_t(SizeOf(view.dtype)));
  }
};

// Runs one node; a message on failure, else nullptr. Allocates nothing.
using NodeBody = std::function<const char*(const RunContext&)>;

struct Node {
  std::vector<int> buffers;  // every buffer it reads or writes
  NodeBody run;
  std::vector<size_t> bindings = {};  // inputs and, counted on, outputs that no node before uses
};

enum class BufferKind { kInput, kOutput, kConstant, kScratch };

struct Buffer {
  BufferKind kind;
  size_t index = 0;  // of the input or output
  size_t bytes = 0;  // of scratch
  std::shared_ptr<const Literal> literal;
  size_t scratch_offset = 0;
  std::string what = {};  // of scratch: the value it is for
};

class Plan {
 public:
  int AddBuffer(Buffer buffer);
  void AddNode(Node node) { nodes_.push_back(std::move(node)); }
  void AddFlops(int64_t flops) { flops_ += flops; }
  // Places scratch buffers so that those alive at the same time do not overlap.
  void Finish();

  int64_t flops() const { return flops_; }
  size_t scratch_bytes() const { return scratch_bytes_; }
  // The largest scratch buffers, `value in bytes` each, largest first.
  std::string LargestScratch() const;
  // A message on failure, else nullptr. Asks `ready`, if there is one, for what a node is the first
  // to use.
  const char* Run(std::span<const void* const> inputs, std::span<void* const> outputs,
                  void* scratch, ThreadPool& pool, Readiness* ready = nullptr) const;

 private:
  void FindBindings(const std::vector<size_t>& first);

  std::vector<Buffer> buffers_;
  std::vector<Node> nodes_;
  size_t scratch_bytes_ = 0;
  int64_t flops_ = 0;
};

}  // namespace ane::engine
