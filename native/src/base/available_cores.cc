#include <algorithm>
#include <cstdio>
#include <string>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

#include "base/cgroup_quota.h"
#include "base/thread_pool.h"

namespace ane {
namespace {

#if defined(__linux__)
std::string WholeFile(const char* path) {
  std::string text;
  if (std::FILE* file = std::fopen(path, "re")) {
    char part[4096];
    for (size_t n; (n = std::fread(part, 1, sizeof part, file)) > 0;) text.append(part, n);
    std::fclose(file);
  }
  return text;
}
#endif

}  // namespace

int ThreadPool::AvailableCores() {
  int cores = static_cast<int>(std::thread::hardware_concurrency());
#if defined(__linux__)
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof mask, &mask) == 0) cores = CPU_COUNT(&mask);
  const int quota = CoresOfCgroups("/sys/fs/cgroup", WholeFile("/proc/self/cgroup"));
  if (quota > 0) cores = std::min(cores, quota);
#endif
  return std::max(cores, 1);
}

}  // namespace ane
