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
const Int8Kernel* AvxVnniGemm();
const Int8Kernel* Avx2Int8Gemm();
const Int8Kernel* NeonDotprodGemm();
const Int8Kernel* PortableInt8Gemm();

// The best of Int8Gemms.
const Int8Kernel& Int8Gemm();

}  // namespace ane
