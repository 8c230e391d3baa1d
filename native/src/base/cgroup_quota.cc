#include "base/cgroup_quota.h"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <sstream>

namespace ane {
namespace {

std::string FirstLine(const std::string& path) {
  std::string line;
  if (std::FILE* file = std::fopen(path.c_str(), "re")) {
    char text[256];
    if (std::fgets(text, sizeof text, file) != nullptr) line.assign(text);
    std::fclose(file);
  }
  return line;
}

// Cores that `quota` of every `period` microseconds amounts to; 0 for no limit ("max" and -1).
int Cores(long long quota, long long period) {
  if (quota <= 0 || period <= 0) return 0;
  const long long cores = quota / period + (quota % period != 0 ? 1 : 0);
  return static_cast<int>(std::min<long long>(cores, std::numeric_limits<int>::max()));
}

int CoresOfVersion2(const std::string& folder) {
  long long quota = 0, period = 0;
  if (std::sscanf(FirstLine(folder + "/cpu.max").c_str(), "%lld %lld", &quota, &period) != 2) return 0;
  return Cores(quota, period);
}

int CoresOfVersion1(const std::string& folder) {
  long long quota = 0, period = 0;
  if (std::sscanf(FirstLine(folder + "/cpu.cfs_quota_us").c_str(), "%lld", &quota) != 1) return 0;
  if (std::sscanf(FirstLine(folder + "/cpu.cfs_period_us").c_str(), "%lld", &period) != 1) return 0;
  return Cores(quota, period);
}

// The tightest of `path` and all folders above it up to `mount`. A container may see its group's path from outside
// although its own group is mounted at `mount`: folders that do not exist have no limit.
int Tightest(const std::string& mount, std::string path, int (*cores_of)(const std::string& folder)) {
  int tightest = 0;
  for (;;) {
    while (!path.empty() && path.back() == '/') path.pop_back();
    const int cores = cores_of(mount + path);
    if (cores > 0) tightest = tightest == 0 ? cores : std::min(tightest, cores);
    const size_t slash = path.rfind('/');
    if (slash == std::string::npos) return tightest;
    path.resize(slash);
  }
}

// Whether "cpu" is among comma-separated controllers.
bool HasCpu(const std::string& controllers) {
  std::istringstream list(controllers);
  for (std::string name; std::getline(list, name, ',');) {
    if (name == "cpu") return true;
  }
  return false;
}

}  // namespace

int CoresOfCgroups(const std::string& root, const std::string& memberships) {
  int tightest = 0;
  const auto take = [&](int cores) {
    if (cores > 0) tightest = tightest == 0 ? cores : std::min(tightest, cores);
  };
  // Each line is hierarchy:controllers:path; version 2 has hierarchy 0 and no controllers.
  std::istringstream lines(memberships);
  for (std::string line; std::getline(lines, line);) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), path = line.substr(second + 1);
    if (controllers.empty()) {
      for (const char* mount : {"", "/unified"}) take(Tightest(root + mount, path, CoresOfVersion2));
    } else if (HasCpu(controllers)) {
      for (const std::string& mount : {controllers, std::string("cpu")}) {
        take(Tightest(root + "/" + mount, path, CoresOfVersion1));
      }
    }
  }
  return tightest;
}

}  // namespace ane
