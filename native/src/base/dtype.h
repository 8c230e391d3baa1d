// Element types of tensors.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ane {

enum class Dtype : uint8_t { kFp16, kFp32, kFp64, kInt8, kUint8, kInt16, kUint16, kInt32, kUint32, kInt64, kUint64, kBool, kString };

constexpr size_t SizeOf(Dtype t) {
  switch (t) {
    case Dtype::kInt8: case Dtype::kUint8: case Dtype::kBool: return 1;
    case Dtype::kFp16: case Dtype::kInt16: case Dtype::kUint16: return 2;
    case Dtype::kFp32: case Dtype::kInt32: case Dtype::kUint32: return 4;
    case Dtype::kFp64: case Dtype::kInt64: case Dtype::kUint64: return 8;
    case Dtype::kString: return 0;
  }
  return 0;
}

}  // namespace ane
