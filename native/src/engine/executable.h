// A compiled MIL function of the CPU engine.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "engine/readiness.h"

namespace ane {

struct IoDescription {
  std::string name;
  Dtype dtype;
  std::vector<int64_t> shape;
};

struct CompileOptions {
  std::string function = "main";
  std::string name;  // for messages of devices; empty means the function's
  // Weight files by the path the text names. Borrowed during Compile only; constants are copied.
  std::map<std::string, std::span<const uint8_t>> blobs;
  // Concrete shapes of inputs that have unknown dimensions.
  std::map<std::string, std::vector<int64_t>> input_shapes;
  bool lenient_blobs = false;
  bool exact = true;
};

class Executable {
 public:
  // Parses, verifies, optimises, plans. Failures have code ANE_COMPILE_FAILED and a message with line and column.
  static Result<std::unique_ptr<Executable>> Compile(std::string_view text, const CompileOptions& options);
  virtual ~Executable() = default;

  virtual const std::vector<IoDescription>& inputs() const = 0;   // in the order of the text
  virtual const std::vector<IoDescription>& outputs() const = 0;  // in the order of the text
  virtual int64_t flops() const = 0;                              // of matrix products and convolutions, one run
  // Bytes of working memory Run needs; the caller owns it, so that executables that never run together share one.
  virtual size_t scratch_bytes() const = 0;
  // The largest values that working memory is for, largest first, for messages; empty where nobody knows.
  virtual std::string largest_scratch() const { return {}; }

  // `inputs` and `outputs` are dense row-major buffers in the declared order; scratch is 64-byte aligned. An output
  // buffer never overlaps an input buffer. Allocates nothing once each thread of the pool has had a share of such a run;
  // OUT_OF_MEMORY if it cannot before. No locks besides the pool's.
  virtual Status Run(std::span<const void* const> inputs, std::span<void* const> outputs, void* scratch,
                     ThreadPool& pool) const = 0;

  // As Run, asking for every binding before it uses it, as late as it can; ANE_EVAL_FAILED where one never is ready.
  virtual Status RunAsReady(std::span<const void* const> inputs, std::span<void* const> outputs, void* scratch,
                            ThreadPool& pool, Readiness& ready) const;

  // Lets go of what a device holds outside this process; runs that start later fail. The engine's own hold nothing.
  virtual void Close() {}
};

}  // namespace ane
