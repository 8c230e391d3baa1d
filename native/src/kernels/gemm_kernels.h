// The micro-kernels of the matrix product compiled into this library.
#pragma once

#include "kernels/gemm.h"
#include "kernels/gemm_kernel.h"

namespace ane {

// The micro-kernel of an arithmetic for this processor, or that of fp32 where it has none.
const GemmMicrokernel& GemmKernel(Arithmetic arithmetic);

// With instructions beyond those of the vector tables; nullptr when the library was built for another processor family.
// Whether this processor runs them is for the caller to check.
const GemmMicrokernel* Avx512Bf16Gemm();
const GemmMicrokernel* NeonBf16Gemm();
const Int8Kernel* Avx512VnniGemm();

// Of products of int8 on this processor, or nullptr.
const Int8Kernel* Int8Gemm();

}  // namespace ane
