// When a run may use what it is bound to.
#pragma once

#include <cstddef>

namespace ane {

// Lets a run begin while some of what it is bound to is still being written.
class Readiness {
 public:
  virtual ~Readiness() = default;
  // Returns once an input, or an output counted on behind the inputs, may be used; false if it never may. Called by the
  // thread that runs, which may share out work of its own meanwhile.
  virtual bool Await(size_t binding) = 0;
};

inline constexpr const char* kNeverReady = "What the program is bound to never became ready.";

}  // namespace ane
