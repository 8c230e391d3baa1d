// Indices that a program reads when it runs, as gather and scatter take them; negative ones count
// from the end.
#pragma once

#include "engine/elements.h"

namespace ane::engine {

inline constexpr char kOutside[] =
    "Expected indices inside the tensor for gather or scatter, got one outside.";

// The position that an index names; -1 when outside.
inline int64_t WrapIndex(double index, int64_t size) {
  const int64_t i = ToInteger(index), wrapped = i < 0 ? i + size : i;
  return wrapped >= 0 && wrapped < size ? wrapped : -1;
}

// The flat number of the slice that one index tuple addresses; -1 when outside.
inline int64_t SliceAt(const Elements& index, int64_t tuple, int64_t depth, const Shape& shape) {
  int64_t at = 0;
  for (int64_t d = 0; d < depth; ++d) {
    const int64_t i = WrapIndex(index.Get(tuple * depth + d), shape[size_t(d)]);
    if (i < 0) return -1;
    at = at * shape[size_t(d)] + i;
  }
  return at;
}

}  // namespace ane::engine
