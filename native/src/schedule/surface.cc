#include "schedule/surface.h"

#include <cstdlib>
#include <string>
#include <utility>

namespace ane {

const char* SurfaceDtypeName(Dtype dtype) {
  switch (dtype) {
    case Dtype::kFp16: return "fp16";
    case Dtype::kFp32: return "fp32";
    case Dtype::kInt8: return "int8";
    case Dtype::kUint8: return "uint8";
    case Dtype::kInt16: return "int16";
    case Dtype::kUint16: return "uint16";
    case Dtype::kInt32: return "int32";
    case Dtype::kBool: return "bool";
    default: return nullptr;
  }
}

std::shared_ptr<void> AllocateAligned(size_t bytes) {
  constexpr size_t kAlignment = 64;
  if (bytes > SIZE_MAX - kAlignment) return nullptr;
  // calloc rather than aligned_alloc: the system hands out zero pages lazily.
  void* block = std::calloc(1, bytes + kAlignment);
  if (block == nullptr) return nullptr;
  const uintptr_t address = reinterpret_cast<uintptr_t>(block);
  void* aligned = reinterpret_cast<void*>((address + kAlignment - 1) & ~uintptr_t{kAlignment - 1});
  return std::shared_ptr<void>(aligned, [block](void*) { std::free(block); });
}

Surface::Surface(std::vector<int64_t> shape, Dtype dtype, int64_t elements, std::shared_ptr<void> memory)
    : shape_(std::move(shape)), dtype_(dtype), elements_(elements), memory_(std::move(memory)) {}

Result<std::shared_ptr<void>> AllocateMemory(size_t bytes) {
  std::shared_ptr<void> memory = AllocateAligned(bytes);
  if (memory == nullptr) {
    return Status("OUT_OF_MEMORY", "Not enough memory for a surface of " + std::to_string(bytes) + " bytes.");
  }
  return memory;
}

Result<std::shared_ptr<Surface>> Surface::Create(std::vector<int64_t> shape, Dtype dtype,
                                                 const SurfaceAllocator& allocate) {
  if (SurfaceDtypeName(dtype) == nullptr) return InvalidArgument("Expected a surface type.");
  const int64_t limit = static_cast<int64_t>(kMaxBytes / SizeOf(dtype));
  int64_t elements = 1;
  for (const int64_t dim : shape) {
    if (dim < 1) return InvalidArgument("Expected positive dimensions for shape, got " + std::to_string(dim) + ".");
    if (dim > limit / elements) return InvalidArgument("Expected less than 4 GiB for a surface.");
    elements *= dim;
  }
  Result<std::shared_ptr<void>> memory = allocate(static_cast<size_t>(elements) * SizeOf(dtype));
  if (!memory.ok()) return memory.status();
  return std::shared_ptr<Surface>(new Surface(std::move(shape), dtype, elements, std::move(memory.value())));
}

}  // namespace ane
