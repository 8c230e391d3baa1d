// What running allocates: nothing the second time, and a refused allocation is an error with a name, never the end.
#include <cstring>
#include <string>
#include <thread>

#include "counted_memory.h"
#include "host_kernel_fixture.h"
#include "layer_programs.h"
#include "schedule/cpu_device.h"
#include "schedule/schedule.h"

namespace {

using namespace ane;

constexpr char kSmall[] = R"(program(1.3)
{
  func main<ios18>(tensor<fp16, [3, 7]> x) {
    tensor<fp16, [3, 7]> s = softmax(x = x);
    tensor<fp16, [3, 3]> p = matmul(x = s, y = x, transpose_y = bool(true));
    tensor<fp16, [3, 7]> y = matmul(x = p, y = x);
  } -> (y);
})";

using Surfaces = std::vector<std::shared_ptr<Surface>>;

Surfaces MakeSurfaces(const std::vector<IoDescription>& ios) {
  Surfaces surfaces;
  for (const IoDescription& io : ios) {
    surfaces.push_back(Surface::Create(io.shape, io.dtype).value());
    auto* numbers = static_cast<uint16_t*>(surfaces.back()->data());
    for (int64_t i = 0; i < surfaces.back()->elements(); ++i)
      numbers[i] = Fp32ToFp16(static_cast<float>(i * 37 % 101 - 50) / 100);
  }
  return surfaces;
}

// What a training step runs of a model with one layer: 16 channels, 12 positions, 50 tokens.
class Step {
 public:
  Step(int threads, bool exact) : device_(std::make_shared<CpuDevice>(threads, exact)), schedule_(device_) {
    AddHostWork();
    AddProgram(kLayerForward, exact);
    AddProgram(kLayerBackward, exact);
  }

  Status Execute() {
    Status status = schedule_.Begin();
    if (!status.ok()) return status;
    status = schedule_.Execute();
    schedule_.End();
    return status;
  }

 private:
  void AddProgram(const char* text, bool exact) {
    CompileOptions options;
    options.exact = exact;
    auto program = Program::Compile(device_, text, options);
    if (!program.ok()) std::printf("%s\n", program.status().message().c_str());
    const Executable& executable = program.value()->executable();
    const Surfaces outputs = MakeSurfaces(executable.outputs());
    EXPECT(schedule_.AddRun(program.value(), MakeSurfaces(executable.inputs()), outputs).ok());
    outputs_.insert(outputs_.end(), outputs.begin(), outputs.end());
  }

  TensorView Make(Dtype dtype, int64_t rows, int64_t cols) {
    tensors_.push_back(std::make_unique<Tensor>(dtype, rows, cols));
    return tensors_.back()->view;
  }
  TensorView Floats(int64_t rows, int64_t cols) { return Make(Dtype::kFp32, rows, cols); }
  TensorView Numbers(int64_t rows, int64_t cols, double value) {
    const TensorView view = Make(Dtype::kFp64, rows, cols);
    for (int64_t i = 0; i < rows * cols; ++i) static_cast<double*>(view.data)[i] = value;
    return view;
  }
  TensorView Tokens(int64_t count) {
    const TensorView view = Make(Dtype::kInt32, 1, count);
    for (int64_t i = 0; i < count; ++i) static_cast<int32_t*>(view.data)[i] = static_cast<int32_t>(i * 7 % 50);
    return view;
  }

  void Add(const char* name, std::map<std::string, std::vector<TensorView>> views,
           std::map<std::string, double> numbers = {}) {
    const Status status = schedule_.AddKernel(name, {std::move(views), std::move(numbers)}, {}, {});
    if (!status.ok()) std::printf("%s\n", status.message().c_str());
    EXPECT(status.ok());
  }

  void AddHostWork() {
    const int64_t C = 16, S = 12, V = 50;
    const TensorView table = Floats(V, C), dtable = Floats(V, C), x = Make(Dtype::kFp16, C, S), normed = Floats(C, S);
    const TensorView tokens = Tokens(S), weight = Floats(1, C), dweight = Floats(1, C), rrms = Floats(1, S);
    const TensorView dnormed = Floats(C, S), dx = Floats(C, S), loss = Numbers(1, 2, 0), scale = Numbers(1, 1, 8);
    const TensorView squares = Numbers(1, V, 0), dweight_squares = Numbers(1, 1, 0);
    Add("embedding", {{"tokens", {tokens}}, {"table", {table}}, {"out", {x}}});
    Add("rmsnorm", {{"in", {x}}, {"weight", {weight}}, {"out", {normed}}, {"rrms", {rrms}}}, {{"eps", 1e-5}});
    Add("classifier_loss",
        {{"in", {normed}}, {"table", {table}}, {"targets", {tokens}}, {"loss", {loss}}, {"scale", {scale}},
         {"logits", {Floats(2 * S, 20)}}, {"din", {dnormed}}, {"dtable", {dtable}}, {"squares", {squares}}},
        {{"accumulate", 0}});
    Add("rmsnorm_backward",
        {{"in", {x}}, {"weight", {weight}}, {"rrms", {rrms}}, {"dout", {dnormed}}, {"din", {dx}}, {"dweight", {dweight}}},
        {{"accumulate", 0}});
    Add("embedding_backward", {{"tokens", {tokens}}, {"dout", {dx}}, {"dtable", {dtable}}});
    const TensorView ids = Tokens(5), some = Floats(5, C);
    Add("gather_rows", {{"ids", {ids}}, {"table", {table}}, {"out", {some}}});
    Add("scatter_add_rows", {{"ids", {ids}}, {"in", {some}}, {"table", {dtable}}});
    Add("gemm", {{"a", {Floats(70, 90)}}, {"b", {Floats(90, 80)}}, {"out", {Floats(70, 80)}}}, {{"accumulate", 1}});
    Add("gemm", {{"a", {Floats(70, 90)}}, {"b", {Floats(90, 1)}}, {"out", {Floats(70, 1)}}}, {{"accumulate", 0}});
    Add("gemm", {{"a", {Floats(1, 900)}}, {"b", {Floats(900, 70)}}, {"out", {Floats(1, 70)}}}, {{"accumulate", 0}});
    Add("row_squares", {{"in", {dtable}}, {"ids", {ids}}, {"squares", {squares}}});
    Add("row_squares", {{"in", {dweight}}, {"squares", {dweight_squares}}});
    Add("grad_norm", {{"squares", {squares, dweight_squares}}, {"out", {Numbers(1, 1, 0)}}});
    Add("adamw",
        {{"param", {table}}, {"grad", {dtable}}, {"m", {Floats(V, C)}}, {"v", {Positive(V, C)}},
         {"hyper", {Numbers(1, 8, 0.5)}}, {"squares", {squares}}, {"staged", {Make(Dtype::kFp16, V, C)}}},
        {{"decay", 1}, {"zero_grad", 1}});
    Add("copy", {{"in", {dx}}, {"out", {Make(Dtype::kFp16, C, S)}}});
    Add("fill", {{"out", {dx}}}, {{"value", 0}});
  }

  TensorView Positive(int64_t rows, int64_t cols) {
    const TensorView view = Floats(rows, cols);
    for (int64_t i = 0; i < rows * cols; ++i) static_cast<float*>(view.data)[i] = 1;
    return view;
  }

  std::shared_ptr<Device> device_;
  Schedule schedule_;
  Surfaces outputs_;
  std::vector<std::unique_ptr<Tensor>> tensors_;
};

}  // namespace

TEST(running_a_step_the_second_time_allocates_nothing) {
  // Which thread takes which share varies, and so does the thread that calls.
  constexpr int kRuns = 200;
  for (const int threads : {1, 2, 3, 7}) {
    for (const bool exact : {true, false}) {
      Step step(threads, exact);
      EXPECT(step.Execute().ok());
      Status status;
      int64_t allocated = 0;
      std::thread([&] {
        const int64_t before = counted_memory::allocations;
        for (int run = 0; run < kRuns && status.ok(); ++run) status = step.Execute();
        allocated = counted_memory::allocations - before;
      }).join();
      EXPECT(status.ok());
      EXPECT(allocated == 0);
    }
  }
}

TEST(a_refused_allocation_is_an_error_and_the_step_runs_when_there_is_memory_again) {
  int refused = 0;
  for (const int threads : {1, 2}) {
    for (int64_t nth = 0; nth < 40; ++nth) {
      Step step(threads, true);
      Status first, second;
      counted_memory::until_refused = nth;
      first = step.Execute();
      counted_memory::until_refused = -1;
      second = step.Execute();
      if (!first.ok()) {
        ++refused;
        EXPECT(first.code() == "OUT_OF_MEMORY");
        EXPECT(first.message().rfind("Not enough memory ", 0) == 0);
      }
      EXPECT(second.ok());
    }
  }
  EXPECT(refused > 4);
}

TEST(a_refused_allocation_while_compiling_is_an_error) {
  const std::shared_ptr<Device> device = std::make_shared<CpuDevice>(1, true);
  int64_t refused = 0;
  for (bool compiled = false; !compiled; ++refused) {
    counted_memory::until_refused = refused;
    const auto program = Program::Compile(device, kSmall, {});
    counted_memory::until_refused = -1;
    compiled = program.ok();
    if (!compiled) EXPECT(program.status().code() == "OUT_OF_MEMORY");
  }
  EXPECT(refused > 20);
}

namespace {

// Programs of this device work in more memory than there can be.
class GreedyDevice : public CpuDevice {
 public:
  using CpuDevice::CpuDevice;
  Result<std::unique_ptr<Executable>> CompileExecutable(std::string_view text, const CompileOptions& options) override {
    auto compiled = CpuDevice::CompileExecutable(text, options);
    if (!compiled.ok()) return compiled.status();
    return std::unique_ptr<Executable>(new Greedy(std::move(compiled.value())));
  }

 private:
  class Greedy : public Executable {
   public:
    explicit Greedy(std::unique_ptr<Executable> inner) : inner_(std::move(inner)) {}
    const std::vector<IoDescription>& inputs() const override { return inner_->inputs(); }
    const std::vector<IoDescription>& outputs() const override { return inner_->outputs(); }
    int64_t flops() const override { return inner_->flops(); }
    size_t scratch_bytes() const override { return SIZE_MAX; }
    std::string largest_scratch() const override { return inner_->largest_scratch(); }
    Status Run(std::span<const void* const> in, std::span<void* const> out, void* scratch,
               ThreadPool& pool) const override {
      return inner_->Run(in, out, scratch, pool);
    }

   private:
    std::unique_ptr<Executable> inner_;
  };
};

}  // namespace

TEST(a_program_that_works_in_too_much_memory_is_refused_with_its_largest_values) {
  constexpr char kText[] = R"(program(1.3)
{
  func main<ios18>(tensor<fp16, [3, 7]> x) {
    tensor<fp16, [3, 3]> few = matmul(x = x, y = x, transpose_y = bool(true));
    tensor<fp16, [3, 7]> some = matmul(x = few, y = x);
    tensor<fp16, [7, 7]> most = matmul(x = some, y = some, transpose_x = bool(true));
    tensor<fp16, [3, 7]> y = matmul(x = some, y = most);
  } -> (y);
})";
  CompileOptions options;
  options.name = "layer";
  const auto program = Program::Compile(std::make_shared<GreedyDevice>(1, true), kText, options);
  EXPECT(!program.ok() && program.status().code() == "OUT_OF_MEMORY");
  EXPECT(!program.ok() && program.status().message() ==
                              "Not enough memory for the " + std::to_string(SIZE_MAX) +
                                  " bytes that program layer works in. Its largest values are most fp16 [7, 7] in 98, "
                                  "some fp16 [3, 7] in 42, few fp16 [3, 3] in 18 bytes.");
}

TEST(too_much_memory_to_work_in_is_refused_with_the_name_of_the_program) {
  const Status status = CpuDevice(1, true).ReserveScratch(SIZE_MAX, "layer");
  EXPECT(status.code() == "OUT_OF_MEMORY");
  EXPECT(status.message() ==
         "Not enough memory for the " + std::to_string(SIZE_MAX) + " bytes that program layer works in.");
}
