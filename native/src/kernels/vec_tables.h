// The tables compiled into this library, one per instruction set.
#pragma once

#include "kernels/vec.h"

namespace ane {

// nullptr when the library was built for another processor family. Whether this processor runs the table is for the
// caller to check.
const VecTable* Avx512Table();
const VecTable* Avx2Table();
const VecTable* NeonTable();
const VecTable* PortableTable();

}  // namespace ane
