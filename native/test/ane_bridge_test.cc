// The bridge against the simulator: compiling, running, sharing and letting go of programs.
#include <atomic>
#include <cstring>
#include <thread>

#include "ane_fixture.h"
#include "check.h"

using namespace ane_test;

namespace {

// y = a - b where the declared order is not the alphabet's and b is larger, so that a is staged.
const std::string kUnequal =
    "program(1.3)\n{\n  func main<ios18>(tensor<fp16, [1, 1024, 1, 64]> b, tensor<fp16, [1, 1, 1, 64]> a) {\n"
    "    tensor<fp16, [1, 1024, 1, 64]> y = sub(x = a, y = b)[name = string(\"y\")];\n  } -> (y);\n}\n";

std::shared_ptr<Program> Compile(const std::shared_ptr<AneDevice>& device, const std::string& text,
                                 const CompileOptions& options = {}) {
  auto program = Program::Compile(device, text, options);
  if (program.ok()) return program.value();
  std::printf("%s: %s\n", program.status().code().c_str(), program.status().message().c_str());
  return nullptr;
}

// A weight file with one fp16 record of 4096 equal values.
std::vector<uint8_t> WeightFile(float value) {
  std::vector<uint8_t> file(128 + 8192, 0);
  const auto put = [&](size_t at, auto number) { std::memcpy(file.data() + at, &number, sizeof(number)); };
  put(0, uint32_t{1});
  put(4, uint32_t{2});
  put(64, uint32_t{0xDEADBEEF});
  put(68, uint32_t{1});
  put(72, uint64_t{8192});
  put(80, uint64_t{128});
  for (size_t i = 0; i < 4096; ++i) put(128 + 2 * i, Fp32ToFp16(value));
  return file;
}

const std::string kWeighted =
    "program(1.3)\n{\n  func main<ios18>(tensor<fp16, [1, 64, 1, 64]> x) {\n"
    "    tensor<fp16, [1, 64, 1, 64]> w = const()[name = string(\"w\"), val = tensor<fp16, [1, 64, 1, "
    "64]>(BLOBFILE(path "
    "= string(\"@model_path/weights/w.bin\"), offset = uint64(64)))];\n"
    "    tensor<fp16, [1, 64, 1, 64]> y = add(x = x, y = w)[name = string(\"y\")];\n  } -> (y);\n}\n";

}  // namespace

TEST(encodings_are_compared_without_offsets_and_qualifiers) {
  EXPECT(PlainEncoding("B36@0:8I16@20^@28") == "B@:I@^@");
  EXPECT(PlainEncoding("@24@0:8^{__IOSurface=}16") == "@@:^");
  EXPECT(PlainEncoding("r*16@0:8") == "*@:");
  EXPECT(PlainEncoding("@\"NSString\"16@0:8") == "@@:");
  EXPECT(PlainEncoding("v32@0:8^^{a=[4{b=i}]}16r^v24") == "v@:^^");
  EXPECT(PlainEncoding("^") == "^" && PlainEncoding("{") == "{" && PlainEncoding(nullptr).empty());
}

TEST(surfaces_are_large_enough_zeroed_aligned_and_locked_for_the_processor) {
  EXPECT(SurfaceAllocation(1) == 49152 && SurfaceAllocation(49153) == 65536 && SurfaceAllocation(65536) == 65536);
  const TemporaryFolder folder;
  auto device = Open(folder).value();
  auto program = Compile(device, AddProgram(1));
  auto x = MakeSurface(*device, {1, 64, 1, 64}, 2), y = MakeSurface(*device, {1, 64, 1, 64});
  EXPECT(At(y) == 0 && reinterpret_cast<uintptr_t>(y->data()) % 64 == 0);
  EXPECT(program && RunOnce(*program, {x}, {y}).ok());
  EXPECT(At(y) == 3);
  const AneStatistics statistics = device->Statistics().value();
  EXPECT(statistics.live_surfaces == 2 && statistics.surface_bytes == 2 * 49152);
  EXPECT(statistics.simulator.find("\"locked_surfaces\":2") != std::string::npos);
  EXPECT(statistics.simulator.find("\"error_count\":0") != std::string::npos);
}

TEST(equal_programs_are_one_model_that_lives_as_long_as_its_last_user) {
  const TemporaryFolder folder;
  auto device = Open(folder).value();
  auto first = Compile(device, AddProgram(1)), second = Compile(device, AddProgram(1)),
       other = Compile(device, AddProgram(2));
  AneStatistics statistics = device->Statistics().value();
  EXPECT(statistics.compiles == 2 && statistics.cache_hits == 1 && statistics.live_models == 2);
  EXPECT(folder.entries() == 4);
  other->Dispose();
  first->Dispose();
  EXPECT(folder.entries() == 2);
  auto x = MakeSurface(*device, {1, 64, 1, 64}, 2), y = MakeSurface(*device, {1, 64, 1, 64});
  EXPECT(RunOnce(*second, {x}, {y}).ok() && At(y) == 3);
  EXPECT(CodeOf(RunOnce(*first, {x}, {y}).status()) == "ANE_EVAL_FAILED");
  second.reset();
  EXPECT(folder.entries() == 0 && device->Statistics().value().live_models == 0);
}

TEST(inputs_are_bound_by_name_and_unequal_ones_copied_and_counted) {
  const TemporaryFolder folder;
  auto device = Open(folder).value();
  auto program = Compile(device, kUnequal);
  auto b = MakeSurface(*device, {1, 1024, 1, 64}, 1), a = MakeSurface(*device, {1, 1, 1, 64}, 5);
  auto y = MakeSurface(*device, {1, 1024, 1, 64});
  EXPECT(program && RunOnce(*program, {b, a}, {y}).ok());
  EXPECT(At(y) == 4 && At(y, 65535) == 4);
  const AneStatistics statistics = device->Statistics().value();
  EXPECT(statistics.staged_copies == 1 && statistics.staged_bytes == 128);
}

TEST(one_request_serves_a_set_of_surfaces_until_one_of_them_goes) {
  const TemporaryFolder folder;
  auto device = Open(folder).value();
  auto program = Compile(device, AddProgram(1));
  auto x = MakeSurface(*device, {1, 64, 1, 64}, 2), y = MakeSurface(*device, {1, 64, 1, 64});
  for (int i = 0; i < 5; ++i) EXPECT(RunOnce(*program, {x}, {y}).ok());
  EXPECT(RunOnce(*program, {y}, {x}).ok());
  EXPECT(device->Statistics().value().requests == 2);
  for (int i = 0; i < 20; ++i) {
    y = MakeSurface(*device, {1, 64, 1, 64});
    EXPECT(RunOnce(*program, {x}, {y}).ok() && At(y) == At(x) + 1);
  }
  const AneStatistics statistics = device->Statistics().value();
  EXPECT(statistics.live_surfaces == 2);
  EXPECT(statistics.simulator.find("\"live_surfaces\":2,") != std::string::npos);
}

TEST(surfaces_of_other_memory_are_refused) {
  const TemporaryFolder folder;
  auto device = Open(folder).value();
  auto program = Compile(device, AddProgram(1));
  auto y = MakeSurface(*device, {1, 64, 1, 64});
  const auto foreign = Surface::Create({1, 64, 1, 64}, Dtype::kFp16).value();
  EXPECT(CodeOf(RunOnce(*program, {foreign}, {y}).status()) == "INVALID_ARGUMENT");
}

TEST(new_weights_change_outputs_while_the_old_program_still_runs) {
  const TemporaryFolder folder;
  auto device = Open(folder).value();
  const std::vector<uint8_t> one = WeightFile(1), two = WeightFile(2);
  CompileOptions options;
  options.blobs["@model_path/weights/w.bin"] = one;
  auto before = Compile(device, kWeighted, options);
  options.blobs["@model_path/weights/w.bin"] = two;
  auto after = Compile(device, kWeighted, options);
  auto x = MakeSurface(*device, {1, 64, 1, 64}, 3), y = MakeSurface(*device, {1, 64, 1, 64});
  EXPECT(before && RunOnce(*before, {x}, {y}).ok() && At(y) == 4);
  EXPECT(after && RunOnce(*after, {x}, {y}).ok() && At(y) == 5);
  before->Dispose();
  EXPECT(RunOnce(*after, {x}, {y}).ok() && At(y, 4095) == 5);
  options.blobs["@model_path/weights/../../escape.bin"] = one;
  std::string text = kWeighted;
  text.replace(text.find("@model_path/weights/w.bin"), 25, "@model_path/weights/../../escape.bin");
  EXPECT(CodeOf(Program::Compile(device, text, options).status()) == "ANE_COMPILE_FAILED");
  EXPECT(!std::filesystem::exists(std::filesystem::path(folder.path()) / "escape.bin"));
}

TEST(programs_compile_while_another_runs) {
  const TemporaryFolder folder;
  auto device = Open(folder).value();
  auto running = Compile(device, AddProgram(1));
  auto x = MakeSurface(*device, {1, 64, 1, 64}, 2), y = MakeSurface(*device, {1, 64, 1, 64});
  std::atomic<bool> stop{false};
  std::atomic<int> failures{0};
  std::thread runner([&] {
    while (!stop) failures += RunOnce(*running, {x}, {y}).ok() ? 0 : 1;
  });
  std::vector<std::thread> compilers;
  for (int t = 0; t < 2; ++t) {
    compilers.emplace_back([&] {
      for (int i = 0; i < 8; ++i) failures += Program::Compile(device, AddProgram(2 + i), {}).ok() ? 0 : 1;
    });
  }
  for (std::thread& thread : compilers) thread.join();
  stop = true;
  runner.join();
  EXPECT(failures == 0 && At(y) == 3);
  EXPECT(folder.entries() == 2);
}

TEST(disposing_of_the_device_unloads_everything) {
  const TemporaryFolder folder;
  auto device = Open(folder).value();
  auto program = Compile(device, AddProgram(1));
  auto x = MakeSurface(*device, {1, 64, 1, 64}, 2), y = MakeSurface(*device, {1, 64, 1, 64});
  EXPECT(CodeOf(Open(folder, R"(,"compile_limit":7)").status()) == "INVALID_ARGUMENT");
  EXPECT(Open(folder).ok());
  device->Dispose();
  EXPECT(folder.entries() == 0);
  EXPECT(!RunOnce(*program, {x}, {y}).ok() && !Program::Compile(device, AddProgram(1), {}).ok());
  EXPECT(!device->AllocateSurface(64).ok() && !device->Statistics().ok());
  // Programs and surfaces that outlive their device do not keep another chip from being opened.
  EXPECT(Open(folder, R"(,"compile_limit":7)").ok());
}
