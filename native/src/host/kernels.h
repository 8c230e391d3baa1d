// The kernels of the table, defined beside their bodies.
#pragma once

#include "host/host_kernels.h"

namespace ane {

extern const HostKernel kFill, kCopy, kAdd;
extern const HostKernel kEmbedding, kEmbeddingBackward, kGatherRows, kScatterAddRows;
extern const HostKernel kRmsnorm, kRmsnormBackward;
extern const HostKernel kGemmKernel;
extern const HostKernel kClassifierLoss;
extern const HostKernel kScaleGradient;
extern const HostKernel kRowSquares, kGradNorm;
extern const HostKernel kAdamw;

}  // namespace ane
