#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/cgroup_quota.h"
#include "base/thread_pool.h"
#include "check.h"

using ane::CoresOfCgroups;

namespace {

// A folder of control groups, gone with the object.
class Groups {
 public:
  Groups() {
    std::string name = (std::filesystem::temp_directory_path() / "ane-cgroup-XXXXXX").string();
    root_ = mkdtemp(name.data());
  }
  ~Groups() { std::filesystem::remove_all(root_); }

  Groups& Write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = std::filesystem::path(root_) / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text << '\n';
    return *this;
  }
  int Cores(const std::string& memberships) const { return CoresOfCgroups(root_, memberships); }

 private:
  std::string root_;
};

}  // namespace

TEST(a_process_without_a_quota_has_no_limit) {
  Groups groups;
  EXPECT(groups.Cores("") == 0 && groups.Cores("0::/\n") == 0 && groups.Cores("no groups here") == 0);
  groups.Write("cpu.max", "max 100000").Write("cpu/cpu.cfs_quota_us", "-1").Write("cpu/cpu.cfs_period_us", "100000");
  EXPECT(groups.Cores("0::/\n") == 0 && groups.Cores("3:cpu:/\n") == 0);
}

TEST(version_2_takes_the_tightest_quota_of_the_group_and_those_above) {
  Groups groups;
  groups.Write("a/cpu.max", "350000 100000").Write("a/b/cpu.max", "max 100000").Write("a/b/c/cpu.max", "500000 100000");
  EXPECT(groups.Cores("0::/a/b/c\n") == 4);
  EXPECT(groups.Cores("0::/a/b/c/\n") == 4);
  EXPECT(groups.Cores("0::/a/b\n") == 4);
  EXPECT(groups.Cores("0::/\n") == 0);
  groups.Write("a/b/c/cpu.max", "20000 100000");
  EXPECT(groups.Cores("0::/a/b/c\n") == 1);
}

TEST(version_1_reads_the_group_of_the_cpu_controller_wherever_it_is_mounted) {
  for (const char* mount : {"cpu", "cpu,cpuacct", "cpuacct,cpu"}) {
    Groups groups;
    const std::string folder = mount;
    groups.Write(folder + "/docker/x/cpu.cfs_quota_us", "150000").Write(folder + "/docker/x/cpu.cfs_period_us", "50000");
    EXPECT(groups.Cores("5:memory:/m\n4:" + folder + ":/docker/x\n1:name=systemd:/docker/x\n") == 3);
    EXPECT(groups.Cores("4:cpuset:/docker/x\n") == 0);
  }
}

TEST(a_container_reads_the_quota_at_the_mount_although_its_path_is_the_one_outside) {
  Groups version1, version2;
  version1.Write("cpu/cpu.cfs_quota_us", "200000").Write("cpu/cpu.cfs_period_us", "100000");
  EXPECT(version1.Cores("4:cpu,cpuacct:/docker/0123\n") == 2);
  version2.Write("cpu.max", "200000 100000");
  EXPECT(version2.Cores("0::/docker/0123\n") == 2);
}

TEST(a_machine_with_both_versions_keeps_to_both) {
  Groups groups;
  groups.Write("cpu/cpu.cfs_quota_us", "400000").Write("cpu/cpu.cfs_period_us", "100000");
  groups.Write("unified/x/cpu.max", "300000 100000");
  EXPECT(groups.Cores("4:cpu:/\n0::/x\n") == 3);
}

TEST(quotas_that_make_no_sense_are_no_limit) {
  Groups groups;
  for (const char* text : {"", "max", "-1 100000", "100000 0", "100000", "x y"}) {
    groups.Write("cpu.max", text);
    EXPECT(groups.Cores("0::/\n") == 0);
  }
  groups.Write("cpu.max", "9223372036854775807 1");
  EXPECT(groups.Cores("0::/\n") == 2147483647);
}

TEST(at_least_one_core_is_available) { EXPECT(ane::ThreadPool::AvailableCores() >= 1); }
