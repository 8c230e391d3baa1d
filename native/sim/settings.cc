// The settings as JSON.
#include <functional>

#include "sim/json.h"
#include "sim/state.h"

namespace ane::sim {
namespace {

const char* const kCallNames[kCalls] = {"descriptor", "compile", "load",
                                        "evaluate",   "unload",  "surface"};

bool ReadList(const Json* list, const std::function<bool(const Json&)>& each) {
  if (list == nullptr) return true;
  if (list->kind != Json::Kind::kArray) return each(*list);
  for (const Json& item : list->items) {
    if (!each(item)) return false;
  }
  return true;
}

bool ReadFaults(const Json& faults, Settings* settings) {
  if (faults.kind != Json::Kind::kObject) return false;
  for (int kind = 0; kind < kCalls; ++kind) {
    const bool read = ReadList(faults.Find(kCallNames[kind]), [&](const Json& item) {
      if (item.kind != Json::Kind::kNumber || !(item.number >= 1) || item.number > 1e15)
        return false;
      settings->faults[kind].insert(int64_t(item.number));
      return true;
    });
    if (!read) return false;
  }
  settings->missing_framework = faults.Number("missing_framework", 0) != 0;
  return ReadList(faults.Find("missing_selector"), [&](const Json& item) {
    if (item.kind == Json::Kind::kString) settings->missing_selectors.insert(item.text);
    return item.kind == Json::Kind::kString || item.kind == Json::Kind::kNull;
  });
}

bool ReadLimit(const Json& json, const char* name, int64_t* limit) {
  const double number = json.Number(name, double(*limit));
  if (!(number >= 0) || number > 1e15) return false;
  *limit = int64_t(number);
  return true;
}

}  // namespace

Settings DefaultsOf(const Chip& chip) {
  Settings settings;
  settings.chip = &chip;
  settings.compile_limit = chip.compile_limit;
  settings.load_limit = chip.load_limit;
  return settings;
}

std::optional<Settings> ReadSettings(const char* text) {
  const std::optional<Json> json = text == nullptr ? std::nullopt : ParseJson(text);
  if (!json || json->kind != Json::Kind::kObject) return std::nullopt;
  const Chip* chip = FindChip(json->Text("chip", "m4"));
  if (chip == nullptr) return std::nullopt;
  Settings settings = DefaultsOf(*chip);
  settings.os = json->Text("os", settings.os);
  settings.state_dir = json->Text("state_dir", "");
  settings.exclusive = json->Number("exclusive", 0) != 0;
  const Json* strict = json->Find("strict");
  if (strict != nullptr && strict->kind == Json::Kind::kArray) {
    const bool named = ReadList(strict, [&](const Json& item) {
      if (item.kind == Json::Kind::kString) settings.strict_rules.insert(item.text);
      return item.kind == Json::Kind::kString;
    });
    if (!named) return std::nullopt;
  } else {
    settings.strict = json->Number("strict", 0) != 0;
  }
  if (!ReadLimit(*json, "compile_limit", &settings.compile_limit)) return std::nullopt;
  if (!ReadLimit(*json, "load_limit", &settings.load_limit)) return std::nullopt;
  const bool read = ReadList(json->Find("ignored_rules"), [&](const Json& item) {
    if (item.kind == Json::Kind::kString) settings.ignored_rules.insert(item.text);
    return item.kind == Json::Kind::kString;
  });
  if (!read) return std::nullopt;
  if (const Json* faults = json->Find("faults");
      faults != nullptr && !ReadFaults(*faults, &settings))
    return std::nullopt;
  return settings;
}

}  // namespace ane::sim
