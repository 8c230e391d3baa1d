// Programs that begin before all they are bound to is ready.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include "base/thread_pool.h"
#include "check.h"
#include "engine/executable.h"

namespace {

using namespace ane;

constexpr std::string_view kTwoSteps =
    "program(1.3)\n{\n  func main<ios18>(tensor<fp32, [4]> x, tensor<fp32, [4]> w) {\n"
    "    tensor<fp32, [4]> s = cumsum(x = x, axis = int32(0), exclusive = bool(false), reverse = bool(false));\n"
    "    tensor<fp32, [4]> y = cumsum(x = w, axis = int32(0), exclusive = bool(false), reverse = bool(false));\n"
    "  } -> (s, y);\n}\n";

// Bound to x, w, s, y in this order.
class Run : public Readiness {
 public:
  explicit Run(size_t never) : never_(never) {}

  Status Start() {
    const auto program = Executable::Compile(kTwoSteps, {});
    if (!program.ok()) return program.status();
    const void* inputs[] = {x.data(), w.data()};
    void* outputs[] = {s.data(), y.data()};
    const size_t bytes = (program.value()->scratch_bytes() + 63) / 64 * 64;
    const std::unique_ptr<void, decltype(&std::free)> scratch(std::aligned_alloc(64, bytes), std::free);
    ThreadPool pool(2);
    return program.value()->RunAsReady(inputs, outputs, scratch.get(), pool, *this);
  }

  bool Await(size_t binding) override {
    asked.push_back(binding);
    if (binding == never_) return false;
    if (binding == 1) {
      first_was_complete = s == std::vector<float>{1, 3, 6, 10};
      w = {2, 2, 2, 2};
    }
    return true;
  }

  std::vector<float> x{1, 2, 3, 4}, w{0, 0, 0, 0}, s{0, 0, 0, 0}, y{0, 0, 0, 0};
  std::vector<size_t> asked;
  bool first_was_complete = false;

 private:
  const size_t never_;
};

constexpr size_t kNone = 4;

}  // namespace

TEST(a_program_runs_up_to_the_first_use_of_what_is_not_ready) {
  Run run(kNone);
  EXPECT(run.Start().ok());
  EXPECT(run.asked == (std::vector<size_t>{0, 2, 1, 3}));
  EXPECT(run.first_was_complete);
  EXPECT(run.y == (std::vector<float>{2, 4, 6, 8}));
}

TEST(a_program_ends_where_something_never_is_ready) {
  Run run(3);
  EXPECT(run.Start().code() == "ANE_EVAL_FAILED");
  EXPECT(run.s == (std::vector<float>{1, 3, 6, 10}));
  EXPECT(run.y == (std::vector<float>{0, 0, 0, 0}));
}
