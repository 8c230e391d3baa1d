#include "ane/model_folder.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

namespace ane {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kOwner = "ane-owner.";
constexpr std::string_view kModelPath = "@model_path/";

fs::path OwnerFile(const std::string& temporary, const std::string& identifier) {
  return fs::path(temporary) / (std::string(kOwner) + std::to_string(getpid()) + "." + identifier);
}

struct Owner {
  pid_t process;
  std::string identifier;
  fs::path file;
};

std::optional<Owner> ReadOwner(const fs::path& file) {
  const std::string name = file.filename().string();
  if (name.compare(0, kOwner.size(), kOwner) != 0) return std::nullopt;
  pid_t process = 0;
  const char* begin = name.data() + kOwner.size();
  const auto [end, error] = std::from_chars(begin, name.data() + name.size(), process);
  if (error != std::errc() || process <= 0 || *end != '.') return std::nullopt;
  return Owner{process, std::string(end + 1), file};
}

std::vector<Owner> ReadOwners(const std::string& temporary) {
  std::vector<Owner> owners;
  std::error_code error;
  for (auto at = fs::directory_iterator(temporary, error); !error && at != fs::directory_iterator();
       at.increment(error)) {
    if (auto owner = ReadOwner(at->path())) owners.push_back(std::move(*owner));
  }
  return owners;
}

bool IsAlive(pid_t process) { return kill(process, 0) == 0 || errno != ESRCH; }

// A name below `temporary`, never a path that leads elsewhere.
bool IsIdentifier(const std::string& name) {
  return !name.empty() && name.size() <= 220 &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-'; });
}

// Where a weight file goes inside the folder, or nothing for a path that leaves it.
std::optional<fs::path> WeightPath(const std::string& named) {
  if (named.compare(0, kModelPath.size(), kModelPath) != 0) return std::nullopt;
  const fs::path path = named.substr(kModelPath.size());
  if (path.empty() || path.is_absolute() || path == "model.mil") return std::nullopt;
  if (std::find(path.begin(), path.end(), "..") != path.end()) return std::nullopt;
  return path;
}

Status Unwritable(const fs::path& path, const std::string& reason) {
  return {"ANE_UNAVAILABLE", "Expected a temporary folder that the Neural Engine's programs can be written to, could not write " +
                                 path.string() + ": " + reason + ". TMPDIR names the folder."};
}

Status WriteFile(const fs::path& path, const void* bytes, size_t length) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(static_cast<const char*>(bytes), static_cast<std::streamsize>(length));
  file.close();
  if (file) return {};
  return Unwritable(path, std::generic_category().message(errno));
}

}  // namespace

ModelFolder::ModelFolder(std::string temporary, std::string identifier)
    : temporary_(std::move(temporary)), identifier_(std::move(identifier)) {}

ModelFolder::ModelFolder(ModelFolder&& other) noexcept
    : temporary_(std::move(other.temporary_)), identifier_(std::exchange(other.identifier_, std::string())) {}

ModelFolder& ModelFolder::operator=(ModelFolder&& other) noexcept {
  std::swap(temporary_, other.temporary_);
  std::swap(identifier_, other.identifier_);
  return *this;
}

ModelFolder::~ModelFolder() {
  if (identifier_.empty()) return;
  const std::vector<Owner> owners = ReadOwners(temporary_);
  const bool shared = std::any_of(owners.begin(), owners.end(), [&](const Owner& owner) {
    return owner.identifier == identifier_ && owner.process != getpid() && IsAlive(owner.process);
  });
  std::error_code ignored;
  if (!shared) fs::remove_all(fs::path(temporary_) / identifier_, ignored);
  fs::remove(OwnerFile(temporary_, identifier_), ignored);
}

Result<ModelFolder> ModelFolder::Write(const std::string& temporary, const std::string& identifier,
                                       std::string_view text, const WeightFiles& weights) {
  if (temporary.empty() || !IsIdentifier(identifier)) {
    return Status("ANE_COMPILE_FAILED", "Expected a folder name from the framework, got \"" + identifier + "\".");
  }
  Status status = WriteFile(OwnerFile(temporary, identifier), "", 0);
  if (!status.ok()) return status;
  ModelFolder folder(temporary, identifier);
  const fs::path root = fs::path(temporary) / identifier;
  std::error_code error;
  fs::create_directories(root / "weights", error);
  if (error) return Unwritable(root, error.message());
  status = WriteFile(root / "model.mil", text.data(), text.size());
  if (!status.ok()) return status;
  for (const auto& [named, bytes] : weights) {
    const auto path = WeightPath(named);
    if (!path) {
      return Status("ANE_COMPILE_FAILED", "Expected a weight file below @model_path, got " + named + ".");
    }
    fs::create_directories((root / *path).parent_path(), error);
    status = WriteFile(root / *path, bytes.data(), bytes.size());
    if (!status.ok()) return status;
  }
  return folder;
}

int ModelFolder::RemoveLeftovers(const std::string& temporary) {
  const std::vector<Owner> owners = ReadOwners(temporary);
  int removed = 0;
  for (const Owner& dead : owners) {
    if (IsAlive(dead.process)) continue;
    const bool shared = std::any_of(owners.begin(), owners.end(), [&](const Owner& owner) {
      return owner.identifier == dead.identifier && IsAlive(owner.process);
    });
    std::error_code ignored;
    if (!shared && IsIdentifier(dead.identifier)) {
      if (fs::remove_all(fs::path(temporary) / dead.identifier, ignored) > 0) ++removed;
    }
    fs::remove(dead.file, ignored);
  }
  return removed;
}

}  // namespace ane
