// Compiling a descriptor: its files, the budget, the cache.
#include <sys/stat.h>

#include <cstdio>
#include <optional>

#include "sim/framework.h"
#include "sim/rules.h"

namespace ane::sim {
namespace {

constexpr char kModelPath[] = "@model_path/";

bool CompileFails(Id* error, const CompileFailure& failure) {
  RecordFinding({failure.rule, failure.message, true});
  const std::string rule = failure.rule.empty() ? "" : " " + failure.rule;
  return Fails(error, kCompilerDomain, 1,
               "_ANECompiler : ANECCompile() FAILED : " + failure.kind + " (simulated" + rule +
                   ": " + failure.message + ")");
}

bool IsFile(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

std::optional<std::vector<uint8_t>> ReadFile(const std::string& path) {
  if (!IsFile(path)) return std::nullopt;
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return std::nullopt;
  std::vector<uint8_t> bytes;
  struct stat status;
  if (fstat(fileno(file), &status) == 0) bytes.resize(size_t(status.st_size));
  const bool complete =
      bytes.empty() || std::fread(bytes.data(), 1, bytes.size(), file) == bytes.size();
  std::fclose(file);
  if (!complete) return std::nullopt;
  return bytes;
}

// The files the compiler reads (C-03). What they hold at this moment is baked into the program
// (C-93).
bool ReadWeights(const Descriptor& descriptor, WeightFiles* weights, CompileFailure* failure) {
  const std::string folder = ModelFolder(descriptor) + "/";
  const auto missing = [&](const std::string& path, const char* rule) {
    *failure = {"InvalidMILProgram", rule, "Expected the file " + path + ", got none."};
    return false;
  };
  if (!IsFile(folder + "model.mil")) return missing(folder + "model.mil", "C-03");
  for (const std::string& path : WeightPaths(descriptor.text->view())) {
    if (!descriptor.weights->items.contains(path)) {
      *failure = {"InvalidMILProgram", "",
                  "Expected weights named " + path + " in the dictionary, got none."};
      return false;
    }
    if (path.rfind(kModelPath, 0) != 0 || path.find("..") != std::string::npos) {
      *failure = {"InvalidMILProgram", "", "Expected a path below @model_path, got " + path + "."};
      return false;
    }
    const std::string file = folder + path.substr(sizeof kModelPath - 1);
    std::optional<std::vector<uint8_t>> bytes = ReadFile(file);
    if (!bytes) return missing(file, "C-03");
    (*weights)[path] = std::move(*bytes);
  }
  return true;
}

void CountCompile(const Program* program, bool cached, bool failed, const Settings& settings) {
  Cost cost;
  for (size_t i = 0; program != nullptr && i < program->procedures.size(); ++i) {
    cost.operations += program->procedures[i]->cost.operations;
    cost.weight_bytes += program->procedures[i]->cost.weight_bytes;
  }
  double ms = CompileMilliseconds(ModelOf(settings.chip->name), cost, cached);
  if (failed && settings.chip->family == 2) ms += 15000;  // C-107: the compiler backs off
  Count([&](Counters& counters) {
    cached ? ++counters.cache_hits : ++counters.compiles;
    counters.compile_nanoseconds += int64_t(ms * 1e6);
  });
}

}  // namespace

std::shared_ptr<Program> CompileDescriptor(const Descriptor& descriptor, Id* error) {
  const Settings settings = CurrentSettings();
  CompileFailure failure{"CompilationFailure", "", "injected fault"};
  const auto fail = [&] {
    CompileFails(error, failure);
    return nullptr;
  };
  if (FaultDue(Call::kCompile)) return fail();
  WeightFiles weights;
  if (!ReadWeights(descriptor, &weights, &failure)) return fail();
  if (!AcquireEngine(settings)) {
    failure = {"CompilationFailure", "C-105", "another process holds the Neural Engine"};
    return fail();
  }
  const std::string hex = descriptor.Hex();
  if (auto cached = CachedProgram(hex)) {
    CountCompile(cached.get(), true, false, settings);
    return cached;
  }
  if (settings.compile_limit > 0 && CurrentCounters().compiles >= settings.compile_limit &&
      Judge(settings, "C-100") == Verdict::kRefuse) {
    failure = {"CompilationFailure", "C-100",
               "this process has compiled " + std::to_string(settings.compile_limit) + " programs"};
    return fail();
  }
  std::shared_ptr<Program> program =
      CompileProgram(descriptor.text->view(), weights, settings, &failure);
  CountCompile(program.get(), false, program == nullptr, settings);
  if (program == nullptr) return fail();
  program->hex = hex;
  KeepProgram(program);
  return program;
}

}  // namespace ane::sim
