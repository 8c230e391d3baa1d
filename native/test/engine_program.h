// Compiling and running small programs in tests.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/fp16.h"
#include "engine/executable.h"

namespace engine_test {

using Numbers = std::vector<float>;

// Text of one function with the given parameter list, body and outputs.
inline std::string Program(const std::string& parameters, const std::string& body,
                           const std::string& outputs) {
  return "program(1.3)\n{\n  func main<ios18>(" + parameters + ") {\n" + body + "\n  } -> (" +
         outputs + ");\n}\n";
}

// A literal of a rank-1 int32 tensor.
inline std::string Ints(const std::string& list, int count) {
  return "tensor<int32, [" + std::to_string(count) + "]>([" + list + "])";
}

// Reproducible numbers in [-1, 1) that fp16 holds exactly.
inline Numbers Random(size_t count, uint32_t seed, float scale = 1) {
  Numbers out(count);
  for (float& x : out) {
    seed = seed * 1664525u + 1013904223u;
    x = ane::Fp16ToFp32(ane::Fp32ToFp16((float(seed >> 8) / 8388608.0f - 1) * scale));
  }
  return out;
}

inline float Half(float x) { return ane::Fp16ToFp32(ane::Fp32ToFp16(x)); }

struct Outcome {
  std::string error;
  std::vector<Numbers> outputs;
};

inline void Store(const ane::IoDescription& io, const Numbers& numbers,
                  std::vector<uint8_t>* bytes) {
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (io.dtype == ane::Dtype::kFp16) {
      const uint16_t h = ane::Fp32ToFp16(numbers[i]);
      std::memcpy(bytes->data() + 2 * i, &h, 2);
    } else if (io.dtype == ane::Dtype::kInt32) {
      const int32_t n = int32_t(numbers[i]);
      std::memcpy(bytes->data() + 4 * i, &n, 4);
    } else if (io.dtype == ane::Dtype::kFp32) {
      std::memcpy(bytes->data() + 4 * i, &numbers[i], 4);
    } else {
      (*bytes)[i] = uint8_t(int(numbers[i]));
    }
  }
}

inline Numbers Load(const ane::IoDescription& io, const std::vector<uint8_t>& bytes) {
  Numbers out(bytes.size() / ane::SizeOf(io.dtype));
  for (size_t i = 0; i < out.size(); ++i) {
    if (io.dtype == ane::Dtype::kFp16) {
      uint16_t h;
      std::memcpy(&h, bytes.data() + 2 * i, 2);
      out[i] = ane::Fp16ToFp32(h);
    } else if (io.dtype == ane::Dtype::kInt32) {
      int32_t n;
      std::memcpy(&n, bytes.data() + 4 * i, 4);
      out[i] = float(n);
    } else if (io.dtype == ane::Dtype::kFp32) {
      std::memcpy(&out[i], bytes.data() + 4 * i, 4);
    } else {
      out[i] = io.dtype == ane::Dtype::kInt8 ? float(int8_t(bytes[i])) : float(bytes[i]);
    }
  }
  return out;
}

// Fills in inputs when a run asks for them, so that it shows if it reads one before, and notes outputs that it writes before.
class LateInputs : public ane::Readiness {
 public:
  LateInputs(std::vector<std::vector<uint8_t>>& in, const std::vector<std::vector<uint8_t>>& numbers,
             const std::vector<std::vector<uint8_t>>& out)
      : in_(in), numbers_(numbers), out_(out), asked_(out.size(), false) {}

  bool Await(size_t binding) override {
    if (binding < in_.size()) {
      std::copy(numbers_[binding].begin(), numbers_[binding].end(), in_[binding].begin());
      return true;
    }
    const size_t output = binding - in_.size();
    asked_[output] = Untouched(out_[output]);
    return true;
  }

  bool asked_for_every_output() const {
    for (size_t i = 0; i < out_.size(); ++i) {
      if (!asked_[i] && !Untouched(out_[i])) return false;
    }
    return true;
  }

 private:
  static bool Untouched(const std::vector<uint8_t>& bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0xFF; });
  }

  std::vector<std::vector<uint8_t>>& in_;
  const std::vector<std::vector<uint8_t>>& numbers_;
  const std::vector<std::vector<uint8_t>>& out_;
  std::vector<bool> asked_;
};

// Runs with inputs in the declared order, each there when the program asks for it; scratch and outputs start as NaN
// patterns so that unwritten parts show.
inline Outcome Run(const std::string& text, const std::vector<Numbers>& inputs,
                   const ane::CompileOptions& options = {}, int threads = 1) {
  auto compiled = ane::Executable::Compile(text, options);
  if (!compiled.ok()) return {compiled.status().message(), {}};
  const ane::Executable& program = *compiled.value();
  const auto bytes = [](const ane::IoDescription& io) {
    size_t n = ane::SizeOf(io.dtype);
    for (int64_t dim : io.shape) n *= size_t(dim);
    return std::vector<uint8_t>(n, 0xFF);
  };
  std::vector<std::vector<uint8_t>> in, numbers, out;
  std::vector<const void*> in_pointers;
  std::vector<void*> out_pointers;
  for (size_t i = 0; i < program.inputs().size(); ++i) {
    in.push_back(bytes(program.inputs()[i]));
    numbers.push_back(bytes(program.inputs()[i]));
    Store(program.inputs()[i], inputs.at(i), &numbers.back());
  }
  for (const auto& io : program.outputs()) out.push_back(bytes(io));
  for (auto& buffer : in) in_pointers.push_back(buffer.data());
  for (auto& buffer : out) out_pointers.push_back(buffer.data());
  const size_t scratch_bytes = (program.scratch_bytes() + 127) / 64 * 64;
  const std::unique_ptr<void, decltype(&std::free)> scratch(std::aligned_alloc(64, scratch_bytes),
                                                            std::free);
  std::memset(scratch.get(), 0xFF, scratch_bytes);
  ane::ThreadPool pool(threads);
  LateInputs late(in, numbers, out);
  const ane::Status status = program.RunAsReady(in_pointers, out_pointers, scratch.get(), pool, late);
  Outcome outcome{status.message(), {}};
  if (!late.asked_for_every_output()) outcome.error = "The program wrote an output before it asked for it.";
  for (size_t i = 0; i < out.size(); ++i)
    outcome.outputs.push_back(Load(program.outputs()[i], out[i]));
  return outcome;
}

// The only output of a program; of one that failed nothing, and the reason is printed.
inline Numbers Only(const Outcome& outcome) {
  if (!outcome.error.empty()) std::printf("%s\n", outcome.error.c_str());
  return outcome.outputs.size() == 1 ? outcome.outputs[0] : Numbers();
}

inline bool Near(const Numbers& a, const Numbers& b, float tolerance) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!(std::fabs(a[i] - b[i]) <= tolerance * std::max(1.0f, std::fabs(b[i])))) return false;
  }
  return true;
}

}  // namespace engine_test
