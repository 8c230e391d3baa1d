// Two schedules one after the other, the first partly on a thread of its own.
#pragma once

#include <cstddef>
#include <vector>

#include "base/status.h"
#include "schedule/schedule.h"

namespace ane {

// How two schedules ended.
struct OverlapResult {
  Status first, second;
  // Part of the entries of `first` that another thread ran alongside `second`; not in either total.
  double alongside_milliseconds = 0;
};

// Runs `first` and then `second`, both of one device and begun, with the same results as two executions.
//
// If `first` is all host kernels, a worker of the pool runs them in order while the caller runs `second`. An entry of
// `second` uses memory once all entries of `first` that share it are complete; a program asks for each of its inputs and
// outputs just before it uses it. Entries that still lack then, and at the end all that are left, the caller runs with all
// threads. So `first` is worth running alongside where one thread is
// nearly as fast as several, and in the order in which `second` needs it.
//
// If `first` fails, `second` stops at the latest where it needs what is missing. If `second` fails, `first` is completed all the same. Times as
// after an execution, where the total of `first` is what the caller spent on it, waiting included: both add up to the
// whole.
OverlapResult ExecuteOverlapped(Schedule& first, Schedule& second);

}  // namespace ane
