// What goes wrong around the Neural Engine: every failure has a code and the framework's words, and leaves nothing
// behind.
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "ane_fixture.h"
#include "check.h"

using namespace ane_test;

namespace {

bool Has(const Status& status, const std::string& text) {
  if (status.message().find(text) != std::string::npos) return true;
  std::printf("%s: %s\n", status.code().c_str(), status.message().c_str());
  return false;
}

Status CompileOn(const std::shared_ptr<AneDevice>& device, const std::string& text, const std::string& name = "") {
  CompileOptions options;
  options.name = name;
  const auto program = Program::Compile(device, text, options);
  return program.ok() ? Status() : program.status();
}

}  // namespace

TEST(a_failed_compile_names_the_program_and_leaves_no_folder) {
  const TemporaryFolder folder;
  auto device = Open(folder, R"(,"faults":{"compile":[2]})").value();
  EXPECT(CompileOn(device, AddProgram(1)).ok());
  const Status failure = CompileOn(device, AddProgram(2), "layer 3");
  EXPECT(CodeOf(failure) == "ANE_COMPILE_FAILED");
  EXPECT(Has(failure, "layer 3") && Has(failure, "ANECCompile() FAILED") &&
         Has(failure, "com.apple.appleneuralengine"));
  EXPECT(CompileOn(device, AddProgram(2)).ok());
  EXPECT(folder.entries() == 0);
}

TEST(mistakes_in_a_program_are_found_first_with_line_and_column) {
  const TemporaryFolder folder;
  auto device = Open(folder).value();
  std::string text = AddProgram(1);
  text.replace(text.find("x = x"), 5, "x = z");
  const Status failure = CompileOn(device, text);
  EXPECT(CodeOf(failure) == "ANE_COMPILE_FAILED" && Has(failure, "line 5, column "));
  EXPECT(device->Statistics().value().compiles == 0);
}

TEST(loading_is_tried_twice) {
  const TemporaryFolder folder;
  auto device = Open(folder, R"(,"faults":{"load":[1,3,4]})").value();
  EXPECT(CompileOn(device, AddProgram(1)).ok());
  const Status failure = CompileOn(device, AddProgram(2));
  EXPECT(CodeOf(failure) == "ANE_COMPILE_FAILED" && Has(failure, "did not load"));
  EXPECT(folder.entries() == 0 && device->Statistics().value().live_models == 0);
}

TEST(a_program_the_framework_cannot_parse_is_an_error) {
  const TemporaryFolder folder;
  auto device = Open(folder, R"(,"faults":{"descriptor":[1]})").value();
  EXPECT(CodeOf(CompileOn(device, AddProgram(1))) == "ANE_COMPILE_FAILED");
  EXPECT(CompileOn(device, AddProgram(1)).ok());
}

TEST(a_failed_run_reports_the_engine_and_the_next_one_works) {
  const TemporaryFolder folder;
  auto device = Open(folder, R"(,"faults":{"evaluate":[2]})").value();
  CompileOptions options;
  options.name = "classifier";
  const auto program = Program::Compile(device, AddProgram(1), options).value();
  auto x = MakeSurface(*device, {1, 64, 1, 64}, 2), y = MakeSurface(*device, {1, 64, 1, 64});
  EXPECT(RunOnce(*program, {x}, {y}).ok());
  const uint64_t version = y->version();
  const Result<double> failed = RunOnce(*program, {x}, {y});
  EXPECT(!failed.ok() && CodeOf(failed.status()) == "ANE_EVAL_FAILED");
  EXPECT(Has(failed.status(), "classifier") && Has(failed.status(), "0x1d"));
  EXPECT(y->version() == version);
  EXPECT(device->Statistics().value().simulator.find("\"locked_surfaces\":2") != std::string::npos);
  EXPECT(RunOnce(*program, {x}, {y}).ok());
}

TEST(a_surface_the_system_refuses_is_an_error) {
  const TemporaryFolder folder;
  auto device = Open(folder, R"(,"faults":{"surface":[2]})").value();
  EXPECT(MakeSurface(*device, {1, 64, 1, 64}) != nullptr);
  const auto refused = device->AllocateSurface(64);
  EXPECT(!refused.ok() && CodeOf(refused.status()) == "ANE_UNAVAILABLE" && Has(refused.status(), "49152 bytes"));
  EXPECT(MakeSurface(*device, {1, 64, 1, 64}) != nullptr);
}

TEST(missing_classes_and_methods_are_named) {
  const TemporaryFolder folder;
  const auto selector = Open(folder, R"(,"faults":{"missing_selector":"evaluateWithQoS:options:request:error:"})");
  EXPECT(!selector.ok() && CodeOf(selector.status()) == "ANE_UNAVAILABLE");
  EXPECT(Has(selector.status(), "-[_ANEInMemoryModel evaluateWithQoS:options:request:error:]"));
  const auto framework = Open(folder, R"(,"faults":{"missing_framework":true})");
  EXPECT(!framework.ok() && CodeOf(framework.status()) == "ANE_UNAVAILABLE");
  EXPECT(Has(framework.status(), "_ANEInMemoryModelDescriptor"));
  const auto optional = Open(folder, R"(,"faults":{"missing_selector":"hwExecutionTime"})");
  EXPECT(optional.ok());
  EXPECT(optional.ok() && optional.value()->identity().sub_type == "h16g");
}

TEST(every_row_of_the_method_table_fits_the_simulator) {
  const TemporaryFolder folder;
  EXPECT(Open(folder).ok());
  const auto report = Framework::Report(SimulatorPath());
  EXPECT(report.ok());
  for (const MethodReport& row : report.value()) {
    if (!row.ok) std::printf("%s: expected %s, got %s\n", row.name.c_str(), row.expected.c_str(), row.found.c_str());
    EXPECT(row.ok);
  }
}

TEST(no_other_library_is_taken_for_a_simulator) {
  EXPECT(CodeOf(Framework::OpenSimulator("/nowhere/libane_sim.so", "{}").status()) == "ANE_UNAVAILABLE");
#ifndef __APPLE__
  const auto other = Framework::OpenSimulator("libc.so.6", "{}");
  EXPECT(!other.ok() && Has(other.status(), "another library"));
  EXPECT(CodeOf(Framework::OpenSystem().status()) == "ANE_UNAVAILABLE");
#endif
}

TEST(a_spent_compile_budget_has_a_code_of_its_own) {
  const TemporaryFolder folder;
  AneOptions options;
  options.compile_budget = 3;
  auto device = Open(folder, R"(,"compile_limit":3)", options).value();
  const int before = CompilesOfProcess();
  for (int i = 1; i <= 3; ++i) EXPECT(CompileOn(device, AddProgram(i)).ok());
  const Status spent = CompileOn(device, AddProgram(4), "head");
  EXPECT(CodeOf(spent) == "ANE_COMPILE_LIMIT" && Has(spent, "head"));
  EXPECT(CompilesOfProcess() == before + 4);
  EXPECT(folder.entries() == 0);
}

TEST(the_budget_of_a_process_is_119) {
  const TemporaryFolder folder;
  auto device = Open(folder).value();
  Status status;
  int compiled = 0;
  while (compiled < 200 && (status = CompileOn(device, AddProgram(compiled + 1))).ok()) ++compiled;
  EXPECT(compiled == 119);
  EXPECT(CodeOf(status) == "ANE_COMPILE_LIMIT");
  EXPECT(CompilesOfProcess() >= kCompileWarning);
}

TEST(folders_of_dead_processes_are_removed_and_those_of_living_ones_kept) {
  const TemporaryFolder folder;
  const pid_t child = fork();
  if (child == 0) {
    auto shared = ModelFolder::Write(folder.path(), "aa", "text", {});
    auto own = ModelFolder::Write(folder.path(), "bb", "text", {});
    _exit(shared.ok() && own.ok() ? 0 : 1);  // as a killed process: no destructor runs
  }
  int result = 1;
  waitpid(child, &result, 0);
  EXPECT(result == 0 && folder.entries() == 4);
  {
    const auto kept = ModelFolder::Write(folder.path(), "aa", "text", {});
    std::ofstream(folder.path() + "/ane-owner.x.zz") << "";
    EXPECT(kept.ok() && ModelFolder::RemoveLeftovers(folder.path()) == 1);
    EXPECT(std::filesystem::exists(folder.path() + "/aa/model.mil"));
    EXPECT(!std::filesystem::exists(folder.path() + "/bb"));
  }
  EXPECT(folder.entries() == 1);  // the file that is no owner's
  EXPECT(!ModelFolder::Write(folder.path(), "../escape", "text", {}).ok());
  EXPECT(!ModelFolder::Write("/nowhere", "aa", "text", {}).ok());
}
