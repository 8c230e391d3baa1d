// Surfaces, views and schedules: bounds, lifetimes, versions and the order of entries.
#include "schedule/schedule.h"

#include <cstdint>
#include <limits>
#include <memory>
#include <thread>
#include <vector>

#include "check.h"
#include "schedule/cpu_device.h"

namespace {

using namespace ane;

constexpr const char* kDouble =
    "program(1.3)\n{\n  func main<ios18>(tensor<fp32, [2, 3]> x) {\n"
    "    tensor<fp32, [2, 3]> y = add(x = x, y = x)[name = string(\"y\")];\n  } -> (y);\n}\n";

std::shared_ptr<Surface> MakeSurface(std::vector<int64_t> shape, Dtype dtype = Dtype::kFp32) {
  return Surface::Create(std::move(shape), dtype).value();
}

KernelOperands FillOperands(Surface& surface, double value) {
  KernelOperands operands;
  const Region region{surface.data(), surface.bytes()};
  operands.views["out"] = {MakeView(region, surface.dtype(), 1, surface.elements(), 0, 1, 1).value()};
  operands.numbers["value"] = value;
  return operands;
}

}  // namespace

TEST(surfaces_are_aligned_zeroed_and_bounded) {
  const auto surface = MakeSurface({3, 5}, Dtype::kFp16);
  EXPECT(reinterpret_cast<uintptr_t>(surface->data()) % 64 == 0);
  EXPECT(surface->bytes() == 30);
  for (int i = 0; i < 15; ++i) EXPECT(static_cast<uint16_t*>(surface->data())[i] == 0);
  EXPECT(!Surface::Create({0}, Dtype::kFp32).ok());
  EXPECT(!Surface::Create({-1}, Dtype::kFp32).ok());
  EXPECT(!Surface::Create({int64_t{1} << 31, int64_t{1} << 31, int64_t{1} << 31}, Dtype::kInt8).ok());
  EXPECT(!Surface::Create({1}, Dtype::kString).ok());
}

TEST(views_lie_inside_their_memory) {
  std::vector<float> memory(12);
  const Region region{memory.data(), memory.size() * sizeof(float)};
  constexpr int64_t kLarge = std::numeric_limits<int64_t>::max();
  EXPECT(MakeView(region, Dtype::kFp32, 3, 4, 0, 4, 1).ok());
  EXPECT(MakeView(region, Dtype::kFp32, 0, 4, 12, 4, 1).ok());
  EXPECT(!MakeView(region, Dtype::kFp32, 0, 4, 13, 4, 1).ok());
  EXPECT(!MakeView(region, Dtype::kFp32, 3, 4, 1, 4, 1).ok());
  EXPECT(!MakeView(region, Dtype::kFp64, 3, 4, 0, 4, 1).ok());
  EXPECT(!MakeView(region, Dtype::kFp32, 3, 4, 0, -4, 1).ok());
  EXPECT(!MakeView(region, Dtype::kFp32, kLarge, kLarge, kLarge, kLarge, kLarge).ok());
  EXPECT(!MakeView(region, Dtype::kString, 1, 1, 0, 1, 1).ok());
}

TEST(entries_run_in_order_and_raise_versions) {
  auto device = std::make_shared<CpuDevice>(2, true);
  const auto program = Program::Compile(device, kDouble, {});
  EXPECT(program.ok());
  if (!program.ok()) return;
  const auto x = MakeSurface({2, 3}), y = MakeSurface({2, 3});
  Schedule schedule(device);
  EXPECT(schedule.AddKernel("fill", FillOperands(*x, 1.5), {x}, {x}).ok());
  EXPECT(schedule.AddRun(program.value(), {x}, {y}).ok());
  EXPECT(schedule.Begin().ok());
  EXPECT(!schedule.Begin().ok());
  EXPECT(!schedule.AddKernel("fill", FillOperands(*x, 2), {x}, {x}).ok());
  std::thread worker([&] { EXPECT(schedule.Execute().ok()); });
  worker.join();
  schedule.End();
  for (int i = 0; i < 6; ++i) EXPECT(static_cast<float*>(y->data())[i] == 3.0f);
  EXPECT(x->version() == 1 && y->version() == 1);
  EXPECT(schedule.milliseconds().size() == 2);
}

TEST(bindings_are_checked) {
  auto device = std::make_shared<CpuDevice>(1, true);
  const auto program = Program::Compile(device, kDouble, {});
  EXPECT(program.ok());
  if (!program.ok()) return;
  const auto x = MakeSurface({2, 3}), y = MakeSurface({2, 3}), other = MakeSurface({3, 2});
  Schedule schedule(device);
  EXPECT(!schedule.AddRun(program.value(), {}, {y}).ok());
  EXPECT(!schedule.AddRun(program.value(), {other}, {y}).ok());
  EXPECT(!schedule.AddRun(program.value(), {x}, {x}).ok());
  EXPECT(!schedule.AddRun(program.value(), {nullptr}, {y}).ok());
  EXPECT(!schedule.AddKernel("no such kernel", {}, {}, {}).ok());
  EXPECT(schedule.size() == 0);
}

TEST(disposed_objects_stop_an_execution) {
  auto device = std::make_shared<CpuDevice>(1, true);
  const auto x = MakeSurface({4});
  Schedule schedule(device);
  EXPECT(schedule.AddKernel("fill", FillOperands(*x, 1), {x}, {x}).ok());
  EXPECT(schedule.Begin().ok());
  device->Dispose();
  EXPECT(!schedule.Execute().ok());
  schedule.End();
  EXPECT(!schedule.Begin().ok());
  EXPECT(!Program::Compile(device, kDouble, {}).ok());
}

TEST(executions_of_one_device_follow_each_other) {
  auto device = std::make_shared<CpuDevice>(2, true);
  const auto x = MakeSurface({1 << 16});
  Schedule first(device), second(device);
  EXPECT(first.AddKernel("fill", FillOperands(*x, 1), {x}, {x}).ok());
  EXPECT(second.AddKernel("fill", FillOperands(*x, 2), {x}, {x}).ok());
  const auto repeat = [](Schedule& schedule) {
    for (int i = 0; i < 50; ++i) {
      if (!schedule.Begin().ok() || !schedule.Execute().ok()) return;
      schedule.End();
    }
  };
  std::thread a(repeat, std::ref(first)), b(repeat, std::ref(second));
  a.join();
  b.join();
  EXPECT(x->version() == 100);
  const float* values = static_cast<const float*>(x->data());
  for (int i = 1; i < 1 << 16; ++i) EXPECT(values[i] == values[0]);
}
