// Moving elements between views of one shape and element type, bit for bit.
#pragma once

#include "engine/plan.h"
#include "engine/strided.h"

namespace ane::engine {

class Copy {
 public:
  Copy(const View& from, const View& to);
  // `shift` is added to every source position, in elements.
  void Run(const RunContext& context, int64_t shift = 0) const;

 private:
  template <typename T>
  void RunTyped(const RunContext& context, int64_t shift) const;
  template <typename T>
  void Rows(T* to, const T* from, int64_t begin, int64_t end) const;
  template <typename T>
  void Tiles(T* to, const T* from, int64_t begin, int64_t end) const;

  View from_, to_;
  LoopNest nest_;
  int64_t count_;
  int tiled_dim_ = -1;  // contiguous in `from` while the last one is contiguous in `to`
  Shape outer_shape_, outer_to_, outer_from_;
};

}  // namespace ane::engine
