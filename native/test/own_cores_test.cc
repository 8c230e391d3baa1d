#include "base/own_cores.h"

#include <atomic>
#include <vector>

#include "check.h"

#if defined(__linux__)
#include <pthread.h>

namespace {

cpu_set_t CoresOf(pthread_t thread) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  EXPECT(pthread_getaffinity_np(thread, sizeof cores, &cores) == 0);
  return cores;
}

void StayOn(const cpu_set_t& cores) { EXPECT(pthread_setaffinity_np(pthread_self(), sizeof cores, &cores) == 0); }

cpu_set_t Only(int core) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(core, &one);
  return one;
}

}  // namespace

TEST(helpers_stay_off_the_core_of_the_thread_they_help_wherever_it_goes) {
  const cpu_set_t before = CoresOf(pthread_self());
  ane::OwnCores cores;
  std::atomic<bool> stop{false};
  std::vector<std::thread> helpers;
  for (int i = 0; i < 2; ++i) helpers.emplace_back([&] { stop.wait(false); });
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (!CPU_ISSET(core, &before)) continue;
    StayOn(Only(core));
    cores.KeepOff(helpers);
    cpu_set_t others = before;
    if (CPU_COUNT(&before) > 1) CPU_CLR(core, &others);
    for (std::thread& helper : helpers) {
      const cpu_set_t found = CoresOf(helper.native_handle());
      EXPECT(CPU_EQUAL(&found, &others));
    }
  }
  StayOn(before);
  stop = true;
  stop.notify_all();
  for (std::thread& helper : helpers) helper.join();
}

TEST(helpers_that_have_one_core_only_keep_it) {
  const cpu_set_t before = CoresOf(pthread_self());
  StayOn(Only(sched_getcpu()));
  ane::OwnCores cores;
  std::atomic<bool> stop{false};
  std::vector<std::thread> helpers;
  helpers.emplace_back([&] { stop.wait(false); });
  cores.KeepOff(helpers);
  const cpu_set_t own = CoresOf(pthread_self()), found = CoresOf(helpers[0].native_handle());
  EXPECT(CPU_EQUAL(&found, &own));
  StayOn(before);
  stop = true;
  stop.notify_all();
  helpers[0].join();
}
#endif
