// Repeats work for a while to measure how fast it goes.
#pragma once

#include <chrono>

namespace ane {

// How much of what `pass` does `amount` of is done per second, over about `seconds` and at least one pass. A first pass
// is not counted: it wakes the threads and lets the clock settle.
template <typename Pass>
double Rate(double seconds, double amount, Pass&& pass) {
  using Clock = std::chrono::steady_clock;
  pass();
  const Clock::time_point start = Clock::now();
  double elapsed = 0, done = 0;
  do {
    pass();
    done += amount;
    elapsed = std::chrono::duration<double>(Clock::now() - start).count();
  } while (elapsed < seconds);
  return done / elapsed;
}

}  // namespace ane
