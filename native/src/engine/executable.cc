#include "engine/executable.h"

#include <algorithm>
#include <exception>
#include <new>

#include "engine/analysis.h"
#include "engine/lexer.h"
#include "engine/lowering.h"
#include "engine/parser.h"

namespace ane {
namespace {

using engine::CompileError;
using engine::Function;

class CpuExecutable : public Executable {
 public:
  CpuExecutable(Function function, const CompileOptions& options) {
    engine::Analyse(&function, options);
    engine::Lowering(function, options.exact, &plan_).Run();
    const auto describe = [&](int id) {
      const engine::Value& value = function.values[size_t(id)];
      return IoDescription{value.name, value.type.dtype, value.type.shape};
    };
    std::transform(function.inputs.begin(), function.inputs.end(), std::back_inserter(inputs_),
                   describe);
    std::transform(function.outputs.begin(), function.outputs.end(), std::back_inserter(outputs_),
                   describe);
  }

  const std::vector<IoDescription>& inputs() const override { return inputs_; }
  const std::vector<IoDescription>& outputs() const override { return outputs_; }
  int64_t flops() const override { return plan_.flops(); }
  size_t scratch_bytes() const override { return plan_.scratch_bytes(); }
  std::string largest_scratch() const override { return plan_.LargestScratch(); }

  Status Run(std::span<const void* const> inputs, std::span<void* const> outputs, void* scratch,
             ThreadPool& pool) const override {
    return Run(inputs, outputs, scratch, pool, nullptr);
  }

  Status RunAsReady(std::span<const void* const> inputs, std::span<void* const> outputs,
                    void* scratch, ThreadPool& pool, Readiness& ready) const override {
    return Run(inputs, outputs, scratch, pool, &ready);
  }

 private:
  Status Run(std::span<const void* const> inputs, std::span<void* const> outputs, void* scratch,
             ThreadPool& pool, Readiness* ready) const {
    if (inputs.size() != inputs_.size() || outputs.size() != outputs_.size()) {
      return InvalidArgument("Expected " + std::to_string(inputs_.size()) + " inputs and " +
                             std::to_string(outputs_.size()) + " outputs, got " +
                             std::to_string(inputs.size()) + " and " +
                             std::to_string(outputs.size()) + ".");
    }
    try {
      if (const char* message = plan_.Run(inputs, outputs, scratch, pool, ready))
        return {"ANE_EVAL_FAILED", message};
      return {};
    } catch (const std::bad_alloc&) {
      return {"OUT_OF_MEMORY", "Not enough memory to pack the operands of the program's products."};
    }
  }

  engine::Plan plan_;
  std::vector<IoDescription> inputs_, outputs_;
};

Function Select(std::vector<Function> functions, const std::string& name) {
  for (Function& function : functions) {
    if (function.name == name) return std::move(function);
  }
  engine::Fail(0, "Expected a function named " + name + ", got none. The first one is " +
                      functions[0].name + ".");
}

}  // namespace

Status Executable::RunAsReady(std::span<const void* const> inputs, std::span<void* const> outputs,
                              void* scratch, ThreadPool& pool, Readiness& ready) const {
  for (size_t i = 0; i < inputs.size() + outputs.size(); ++i) {
    if (!ready.Await(i)) return {"ANE_EVAL_FAILED", kNeverReady};
  }
  return Run(inputs, outputs, scratch, pool);
}

Result<std::unique_ptr<Executable>> Executable::Compile(std::string_view text,
                                                        const CompileOptions& options) {
  try {
    return std::unique_ptr<Executable>(
        new CpuExecutable(Select(engine::Parse(text), options.function), options));
  } catch (const CompileError& error) {
    const auto [line, column] = engine::LineAndColumn(text, error.offset);
    return Status("ANE_COMPILE_FAILED", "line " + std::to_string(line) + ", column " +
                                            std::to_string(column) + ": " + error.message);
  } catch (const std::bad_alloc&) {
    return Status("OUT_OF_MEMORY", "Expected enough memory to compile the program, got none.");
  } catch (const std::exception& error) {
    return Status("ANE_COMPILE_FAILED", error.what());
  }
}

}  // namespace ane
