// Two schedules one after the other: what comes out does not depend on what ran beside what.
#include "schedule/overlap.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "check.h"
#include "counted_memory.h"
#include "schedule/cpu_device.h"

namespace {

using namespace ane;

constexpr const char* kDouble =
    "program(1.3)\n{\n  func main<ios18>(tensor<fp32, [64, 64]> x) {\n"
    "    tensor<fp32, [64, 64]> y = add(x = x, y = x)[name = string(\"y\")];\n  } -> (y);\n}\n";
constexpr int64_t kSide = 64;

std::shared_ptr<Surface> Square() { return Surface::Create({kSide, kSide}, Dtype::kFp32).value(); }

TensorView Whole(Surface& surface) {
  const Region region{surface.data(), surface.bytes()};
  return MakeView(region, surface.dtype(), kSide, kSide, 0, kSide, 1).value();
}

void AddSum(Schedule& schedule, const std::shared_ptr<Surface>& a, const std::shared_ptr<Surface>& b, double scale,
            const std::shared_ptr<Surface>& out) {
  KernelOperands operands;
  operands.views["a"] = {Whole(*a)};
  operands.views["b"] = {Whole(*b)};
  operands.views["out"] = {Whole(*out)};
  operands.numbers["scale"] = scale;
  EXPECT(schedule.AddKernel("add", std::move(operands), {a, b, out}, {out}).ok());
}

void AddProduct(Schedule& schedule, const std::shared_ptr<Surface>& a, const std::shared_ptr<Surface>& out) {
  KernelOperands operands;
  operands.views["a"] = {Whole(*a)};
  operands.views["b"] = {Whole(*a)};
  operands.views["out"] = {Whole(*out)};
  operands.numbers["accumulate"] = 0;
  EXPECT(schedule.AddKernel("gemm", std::move(operands), {a, out}, {out}).ok());
}

void Fill(Surface& surface, float first) {
  float* values = static_cast<float*>(surface.data());
  for (int64_t i = 0; i < surface.elements(); ++i) values[i] = first + static_cast<float>(i % 17) / 8;
}

std::vector<float> Values(const Surface& surface) {
  const float* values = static_cast<const float*>(surface.data());
  return {values, values + surface.elements()};
}

OverlapResult Overlap(Schedule& first, Schedule& second) {
  EXPECT(first.Begin().ok());
  EXPECT(second.Begin().ok());
  OverlapResult result = ExecuteOverlapped(first, second);
  first.End();
  second.End();
  return result;
}

void InTurn(Schedule& first, Schedule& second) {
  for (Schedule* schedule : {&first, &second}) {
    EXPECT(schedule->Begin().ok());
    EXPECT(schedule->Execute().ok());
    schedule->End();
  }
}

// Programs of this device fail.
class FailingDevice : public CpuDevice {
 public:
  using CpuDevice::CpuDevice;

  Result<std::unique_ptr<Executable>> CompileExecutable(std::string_view text, const CompileOptions& options) override {
    Result<std::unique_ptr<Executable>> compiled = CpuDevice::CompileExecutable(text, options);
    if (!compiled.ok()) return compiled.status();
    return std::unique_ptr<Executable>(std::make_unique<Failing>(std::move(compiled.value())));
  }

 private:
  class Failing : public Executable {
   public:
    explicit Failing(std::unique_ptr<Executable> real) : real_(std::move(real)) {}
    const std::vector<IoDescription>& inputs() const override { return real_->inputs(); }
    const std::vector<IoDescription>& outputs() const override { return real_->outputs(); }
    int64_t flops() const override { return 0; }
    size_t scratch_bytes() const override { return 0; }
    Status Run(std::span<const void* const>, std::span<void* const>, void*, ThreadPool&) const override {
      return {"ANE_EVAL_FAILED", "The program fails."};
    }

   private:
    std::unique_ptr<Executable> real_;
  };
};

// `first` updates weights from gradients, twice each; `second` reads a weight per layer and, at the end, writes what
// `first` read.
struct Layers {
  explicit Layers(int threads, bool program) : device(std::make_shared<CpuDevice>(threads, true)) {
    const auto doubled = Program::Compile(device, kDouble, {});
    EXPECT(doubled.ok());
    for (int layer = 0; layer < 12; ++layer) {
      for (auto* list : {&weights, &gradients, &outputs}) list->push_back(Square());
      Fill(*gradients.back(), static_cast<float>(layer));
      AddSum(first, weights[layer], gradients[layer], 0.5, weights[layer]);
      AddSum(first, weights[layer], weights[layer], 0.25, weights[layer]);
      if (program && layer % 3 == 1) {
        EXPECT(second.AddRun(doubled.value(), {weights[layer]}, {outputs[layer]}).ok());
      } else {
        AddProduct(second, weights[layer], outputs[layer]);
      }
    }
    for (const auto& gradient : gradients) AddSum(second, gradient, outputs[0], 1, gradient);
  }

  std::vector<std::vector<float>> Results() const {
    std::vector<std::vector<float>> all;
    for (const auto* list : {&weights, &gradients, &outputs}) {
      for (const auto& surface : *list) all.push_back(Values(*surface));
    }
    return all;
  }

  std::shared_ptr<CpuDevice> device;
  std::vector<std::shared_ptr<Surface>> weights, gradients, outputs;
  Schedule first{device}, second{device};
};

}  // namespace

TEST(overlapped_schedules_give_what_two_executions_give) {
  for (int threads : {1, 2, 3}) {
    Layers overlapped(threads, true), in_turn(threads, true);
    for (int round = 0; round < 40; ++round) {
      const OverlapResult result = Overlap(overlapped.first, overlapped.second);
      EXPECT(result.first.ok() && result.second.ok());
      EXPECT(threads > 1 || result.alongside_milliseconds == 0);
      InTurn(in_turn.first, in_turn.second);
      EXPECT(overlapped.Results() == in_turn.Results());
    }
    EXPECT(overlapped.weights[5]->version() == 80);
    EXPECT(overlapped.outputs[5]->version() == 40);
  }
}

TEST(totals_of_overlapped_schedules_hold_every_entry_the_caller_ran) {
  Layers layers(1, true);
  EXPECT(Overlap(layers.first, layers.second).first.ok());
  for (const Schedule* schedule : {&layers.first, &layers.second}) {
    double sum = 0;
    for (double milliseconds : schedule->milliseconds()) sum += milliseconds;
    EXPECT(sum > 0 && sum <= schedule->total_milliseconds());
  }
}

TEST(programs_run_before_what_follows) {
  for (int threads : {1, 2}) {
    Layers overlapped(threads, true), in_turn(threads, true);
    for (int round = 0; round < 10; ++round) {
      const OverlapResult result = Overlap(overlapped.second, overlapped.first);
      EXPECT(result.first.ok() && result.second.ok());
      EXPECT(result.alongside_milliseconds == 0);
      InTurn(in_turn.second, in_turn.first);
      EXPECT(overlapped.Results() == in_turn.Results());
    }
  }
}

TEST(empty_schedules_overlap_with_any) {
  Layers overlapped(2, false), in_turn(2, false);
  Schedule none(overlapped.device), other(in_turn.device);
  EXPECT(Overlap(none, overlapped.second).second.ok());
  EXPECT(Overlap(overlapped.first, none).first.ok());
  InTurn(other, in_turn.second);
  InTurn(in_turn.first, other);
  EXPECT(overlapped.Results() == in_turn.Results());
}

TEST(what_comes_first_is_completed_when_what_follows_fails) {
  for (int threads : {1, 2}) {
    Layers layers(threads, false), whole(1, false);
    const auto device = std::make_shared<FailingDevice>(threads, true);
    const auto program = Program::Compile(device, kDouble, {});
    const auto x = Square(), y = Square(), z = Square();
    Schedule first(device), second(device), other(whole.device);
    for (int i = 0; i < 12; ++i) AddSum(first, layers.weights[i], layers.gradients[i], 0.5, layers.weights[i]);
    for (int i = 0; i < 12; ++i) AddSum(other, whole.weights[i], whole.gradients[i], 0.5, whole.weights[i]);
    AddSum(second, layers.weights[3], x, 1, x);
    EXPECT(second.AddRun(program.value(), {x}, {y}).ok());
    AddSum(second, x, x, 1, z);
    const OverlapResult result = Overlap(first, second);
    EXPECT(result.first.ok());
    EXPECT(result.second.code() == "ANE_EVAL_FAILED");
    Schedule none(whole.device);
    InTurn(other, none);
    EXPECT(layers.Results() == whole.Results());
    EXPECT(Values(*x) == Values(*whole.weights[3]));
    EXPECT(z->version() == 0);
  }
}

TEST(what_follows_does_not_start_when_what_comes_first_fails) {
  const auto device = std::make_shared<FailingDevice>(2, true);
  const auto program = Program::Compile(device, kDouble, {});
  const auto x = Square(), y = Square(), z = Square();
  Schedule first(device), second(device);
  EXPECT(first.AddRun(program.value(), {x}, {y}).ok());
  AddSum(second, y, y, 1, z);
  const OverlapResult result = Overlap(first, second);
  EXPECT(result.first.code() == "ANE_EVAL_FAILED");
  EXPECT(result.second.ok());
  EXPECT(z->version() == 0);
}

TEST(memory_refused_to_either_thread_is_an_error_and_the_next_execution_works) {
  int failures = 0;
  for (int threads : {1, 2}) {
    for (int64_t refused = 0; refused < 6; ++refused) {
      // Products need working memory on every thread that runs them: new threads, new memory.
      Layers layers(threads, false), whole(1, false);
      Schedule products(layers.device);
      std::vector<std::shared_ptr<Surface>> squares;
      for (int i = 0; i < 12; ++i) {
        squares.push_back(Square());
        AddProduct(products, layers.gradients[i], squares[i]);
      }
      OverlapResult result;
      std::thread fresh([&] {
        EXPECT(products.Begin().ok());
        EXPECT(layers.second.Begin().ok());
        counted_memory::until_refused = refused;
        result = ExecuteOverlapped(products, layers.second);
        counted_memory::until_refused = -1;
        products.End();
        layers.second.End();
      });
      fresh.join();
      EXPECT(result.first.ok() || result.second.ok());
      for (const Status& status : {result.first, result.second}) {
        if (status.ok()) continue;
        ++failures;
        EXPECT(status.code() == "OUT_OF_MEMORY");
      }
      for (const auto& gradients : {&layers.gradients, &whole.gradients}) {
        for (int i = 0; i < 12; ++i) Fill(*(*gradients)[i], static_cast<float>(i));
      }
      const OverlapResult again = Overlap(layers.first, layers.second);
      EXPECT(again.first.ok() && again.second.ok());
      InTurn(whole.first, whole.second);
      EXPECT(layers.Results() == whole.Results());
    }
  }
  EXPECT(failures > 0);
}

TEST(schedules_of_a_disposed_device_do_not_overlap) {
  Layers layers(2, false);
  EXPECT(layers.first.Begin().ok());
  EXPECT(layers.second.Begin().ok());
  layers.device->Dispose();
  const OverlapResult result = ExecuteOverlapped(layers.first, layers.second);
  EXPECT(!result.first.ok() && result.second.ok());
}
