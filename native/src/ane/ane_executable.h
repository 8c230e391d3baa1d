// A program of a Neural Engine device: a loaded model and one request per distinct set of surfaces.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "ane/services.h"
#include "engine/executable.h"

namespace ane {

class AneExecutable : public Executable {
 public:
  // `described` is the same program compiled by the CPU engine: its inputs, outputs and cost are taken, the rest
  // dropped. ANE_COMPILE_FAILED or ANE_COMPILE_LIMIT.
  static Result<std::unique_ptr<AneExecutable>> Create(std::shared_ptr<AneServices> services,
                                                       const Executable& described, std::string_view text,
                                                       const CompileOptions& options);
  ~AneExecutable() override;

  const std::vector<IoDescription>& inputs() const override { return inputs_; }
  const std::vector<IoDescription>& outputs() const override { return outputs_; }
  int64_t flops() const override { return flops_; }
  size_t scratch_bytes() const override { return 0; }

  // Buffers are surfaces of the same device. Builds a request the first time it sees a set of buffers.
  Status Run(std::span<const void* const> inputs, std::span<void* const> outputs, void* scratch,
             ThreadPool& pool) const override;
  void Close() override;

 private:
  struct State;
  AneExecutable(std::shared_ptr<ProgramList> programs, const Executable& described, std::string name);

  const std::shared_ptr<ProgramList> programs_;
  const std::string name_;
  std::vector<IoDescription> inputs_, outputs_;
  int64_t flops_;
  mutable std::mutex mutex_;
  std::shared_ptr<State> state_;
};

}  // namespace ane
