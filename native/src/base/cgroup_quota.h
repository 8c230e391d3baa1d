// Limits that Linux control groups (containers) put on a process's share of the processor.
#pragma once

#include <string>

namespace ane {

// Whole cores, rounded up, of the tightest quota of a process's groups and their ancestors, or 0 without any.
// `memberships` is the text of /proc/self/cgroup, `root` the folder control groups are mounted at; versions 1 and 2.
int CoresOfCgroups(const std::string& root, const std::string& memberships);

}  // namespace ane
