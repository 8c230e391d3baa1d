#include "host/host_kernels.h"

#include "host/kernels.h"

namespace ane {
namespace {

const HostKernel* const kKernels[] = {
    &kFill,         &kCopy,           &kAdd,      &kEmbedding,       &kEmbeddingBackward,
    &kGatherRows,   &kScatterAddRows, &kRmsnorm,  &kRmsnormBackward, &kGemmKernel,
    &kClassifierLoss, &kScaleGradient,  &kRowSquares, &kGradNorm,    &kAdamw,
};

}  // namespace

const HostKernel* FindHostKernel(const std::string& name) {
  for (const HostKernel* kernel : kKernels) {
    if (name == kernel->name) return kernel;
  }
  return nullptr;
}

std::vector<std::string> HostKernelNames() {
  std::vector<std::string> names;
  for (const HostKernel* kernel : kKernels) names.emplace_back(kernel->name);
  return names;
}

}  // namespace ane
