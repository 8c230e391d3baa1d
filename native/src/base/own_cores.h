// Threads that work together on cores of their own.
#pragma once

#include <span>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

namespace ane {

// Keeps helpers off the core of the thread they help. The system moves a thread where it wakes up, not where it spins: two
// that meet on one core take turns for many milliseconds while another core idles. Linux only; elsewhere nothing happens.
class OwnCores {
 public:
  // Helpers will run on the cores the calling thread may use.
  OwnCores();

  // Moves helpers off the calling thread's core, unless they have no other. Cheap while the thread stays where it was.
  void KeepOff(std::span<std::thread> helpers);

 private:
#if defined(__linux__)
  int core_ = -1;  // the helpers stay off it
  cpu_set_t allowed_;
#endif
};

}  // namespace ane
