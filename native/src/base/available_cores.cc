#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

#include "base/thread_pool.h"

namespace ane {
namespace {

#if defined(__linux__)
std::string FirstLine(const std::string& path) {
  std::string line;
  if (std::FILE* file = std::fopen(path.c_str(), "re")) {
    char text[256];
    if (std::fgets(text, sizeof text, file) != nullptr) line.assign(text);
    std::fclose(file);
  }
  return line;
}

// Cores the quota of cgroup folder `path` (version 2) amounts to, or 0 when it has none.
int Quota(const std::string& path) {
  long quota = 0, period = 0;
  if (std::sscanf(FirstLine(path + "/cpu.max").c_str(), "%ld %ld", &quota, &period) != 2) return 0;
  if (quota <= 0 || period <= 0) return 0;
  return static_cast<int>((quota + period - 1) / period);
}

int QuotaVersion1() {
  long quota = 0, period = 0;
  if (std::sscanf(FirstLine("/sys/fs/cgroup/cpu/cpu.cfs_quota_us").c_str(), "%ld", &quota) != 1) return 0;
  if (std::sscanf(FirstLine("/sys/fs/cgroup/cpu/cpu.cfs_period_us").c_str(), "%ld", &period) != 1) return 0;
  if (quota <= 0 || period <= 0) return 0;
  return static_cast<int>((quota + period - 1) / period);
}

// The tightest quota of this process's cgroup and its ancestors.
int TightestQuota() {
  const std::string root = "/sys/fs/cgroup";
  std::string own = FirstLine("/proc/self/cgroup");
  own = own.rfind("0::", 0) == 0 ? own.substr(3) : "";
  while (!own.empty() && (own.back() == '\n' || own.back() == '/')) own.pop_back();
  int tightest = 0;
  for (;;) {
    const int quota = Quota(root + own);
    if (quota > 0) tightest = tightest == 0 ? quota : std::min(tightest, quota);
    const size_t slash = own.rfind('/');
    if (slash == std::string::npos) break;
    own.resize(slash);
  }
  return tightest != 0 ? tightest : QuotaVersion1();
}
#endif

}  // namespace

int ThreadPool::AvailableCores() {
  int cores = static_cast<int>(std::thread::hardware_concurrency());
#if defined(__linux__)
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof mask, &mask) == 0) cores = CPU_COUNT(&mask);
  const int quota = TightestQuota();
  if (quota > 0) cores = std::min(cores, quota);
#endif
  return std::max(cores, 1);
}

}  // namespace ane
