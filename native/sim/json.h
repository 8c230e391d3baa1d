// JSON for the simulator's control functions.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ane::sim {

struct Json {
  enum class Kind { kNull, kBool, kNumber, kString, kArray, kObject };
  Kind kind = Kind::kNull;
  double number = 0;  // also of a bool: 0 or 1
  std::string text;
  std::vector<Json> items;
  std::map<std::string, Json> members;

  const Json* Find(const std::string& name) const {
    const auto found = members.find(name);
    return found == members.end() ? nullptr : &found->second;
  }
  std::string Text(const std::string& name, std::string otherwise) const {
    const Json* value = Find(name);
    return value != nullptr && value->kind == Kind::kString ? value->text : otherwise;
  }
  double Number(const std::string& name, double otherwise) const {
    const Json* value = Find(name);
    return value != nullptr && (value->kind == Kind::kNumber || value->kind == Kind::kBool)
               ? value->number
               : otherwise;
  }
};

// Nothing when the text is not JSON. Nesting above 32 is refused.
std::optional<Json> ParseJson(std::string_view text);

// A string with quotes and escapes.
std::string Quoted(std::string_view text);

}  // namespace ane::sim
