// Working memory that grows and is kept for the next call.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace ane {

class Scratch {
 public:
  // At least `count` elements, 64-byte aligned, contents undefined. Earlier pointers become invalid, also if this throws
  // std::bad_alloc.
  template <typename T>
  T* Reserve(size_t count) {
    const size_t bytes = count * sizeof(T);
    if (bytes > bytes_) {
      data_.reset();
      bytes_ = 0;
      data_.reset(::operator new(bytes, kAlignment));
      bytes_ = bytes;
    }
    return static_cast<T*>(data_.get());
  }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(void* p) const { ::operator delete(p, kAlignment); }
  };
  std::unique_ptr<void, Free> data_;
  size_t bytes_ = 0;
};

}  // namespace ane
