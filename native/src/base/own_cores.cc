#include "base/own_cores.h"

#if defined(__linux__)
#include <pthread.h>
#endif

namespace ane {

#if defined(__linux__)

OwnCores::OwnCores() {
  if (sched_getaffinity(0, sizeof allowed_, &allowed_) != 0) CPU_ZERO(&allowed_);
}

void OwnCores::KeepOff(std::span<std::thread> helpers) {
  const int core = sched_getcpu();
  if (core == core_) return;
  core_ = core;
  cpu_set_t others = allowed_;
  if (core >= 0 && core < CPU_SETSIZE) CPU_CLR(core, &others);
  if (CPU_COUNT(&others) == 0) return;
  for (std::thread& helper : helpers) pthread_setaffinity_np(helper.native_handle(), sizeof others, &others);
}

#else

OwnCores::OwnCores() = default;

void OwnCores::KeepOff(std::span<std::thread>) {}

#endif

}  // namespace ane
