// Counts what this test program allocates with operator new, and refuses one allocation when asked to. Include it once.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace counted_memory {

inline std::atomic<int64_t> allocations{0};
// Allocations until one is refused; none is while this is negative.
inline std::atomic<int64_t> until_refused{-1};

inline void* Allocate(size_t bytes, size_t alignment) noexcept {
  ++allocations;
  if (until_refused.load() >= 0 && until_refused.fetch_sub(1) == 0) return nullptr;
  return std::aligned_alloc(alignment, (bytes / alignment + 1) * alignment);
}

inline void* Expect(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace counted_memory

void* operator new(size_t bytes) {
  return counted_memory::Expect(counted_memory::Allocate(bytes, alignof(std::max_align_t)));
}
void* operator new(size_t bytes, std::align_val_t alignment) {
  return counted_memory::Expect(counted_memory::Allocate(bytes, size_t(alignment)));
}
void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  return counted_memory::Allocate(bytes, alignof(std::max_align_t));
}
void* operator new(size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return counted_memory::Allocate(bytes, size_t(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }
