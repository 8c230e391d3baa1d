// Programs shared by models with the same content, and the claim on the one engine.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <list>
#include <mutex>

#include "sim/framework.h"

namespace ane::sim {
namespace {

// Programs nothing else holds are dropped beyond this many bytes of weights or this number, oldest
// first, as the daemon's cache does at some size of its own.
constexpr size_t kMaxCachedBytes = size_t(256) << 20;
constexpr size_t kMaxCached = 512;

struct Table {
  std::mutex mutex;
  std::list<std::shared_ptr<Program>> cached;  // oldest first
  size_t bytes = 0;
  int64_t loaded = 0;
  int lock_file = -1;
  std::string lock_path;
};
Table& TheTable() {
  static Table* const table = new Table;
  return *table;
}

void CountLoaded(int64_t loaded) {
  Count([&](Counters& counters) { counters.loaded_programs = loaded; });
}

}  // namespace

std::shared_ptr<Program> CachedProgram(const std::string& hex) {
  Table& table = TheTable();
  const std::lock_guard lock(table.mutex);
  for (const auto& program : table.cached) {
    if (program->hex == hex) return program;
  }
  return nullptr;
}

void KeepProgram(std::shared_ptr<Program> program) {
  Table& table = TheTable();
  const std::lock_guard lock(table.mutex);
  table.bytes += program->weight_bytes;
  table.cached.push_back(std::move(program));
  for (auto at = table.cached.begin();
       (table.bytes > kMaxCachedBytes || table.cached.size() > kMaxCached) &&
       at != table.cached.end();) {
    if (at->use_count() > 1) {
      ++at;
      continue;
    }
    table.bytes -= (*at)->weight_bytes;
    at = table.cached.erase(at);
  }
}

void DropProgram(const std::string& hex) {
  Table& table = TheTable();
  const std::lock_guard lock(table.mutex);
  table.cached.remove_if([&](const std::shared_ptr<Program>& program) {
    if (program->hex != hex) return false;
    table.bytes -= program->weight_bytes;
    return true;
  });
}

void ForgetPrograms() {
  Table& table = TheTable();
  const std::lock_guard lock(table.mutex);
  table.cached.clear();
  table.bytes = 0;
  if (table.lock_file >= 0) close(table.lock_file);
  table.lock_file = -1;
}

bool AcquireLoad(Program& program, int64_t limit) {
  Table& table = TheTable();
  const std::lock_guard lock(table.mutex);
  if (program.loads == 0) {
    if (limit > 0 && table.loaded >= limit) return false;
    CountLoaded(++table.loaded);
  }
  ++program.loads;
  return true;
}

void ReleaseLoad(Program& program) {
  Table& table = TheTable();
  const std::lock_guard lock(table.mutex);
  if (--program.loads == 0) CountLoaded(--table.loaded);
}

bool AcquireEngine(const Settings& settings) {
  if (!settings.exclusive || settings.state_dir.empty()) return true;
  Table& table = TheTable();
  const std::lock_guard lock(table.mutex);
  const std::string path = settings.state_dir + "/engine.lock";
  if (table.lock_file >= 0 && table.lock_path == path) return true;
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return false;
  if (flock(file, LOCK_EX | LOCK_NB) != 0) {
    close(file);
    return false;
  }
  if (table.lock_file >= 0) close(table.lock_file);
  table.lock_file = file;
  table.lock_path = path;
  return true;
}

}  // namespace ane::sim
