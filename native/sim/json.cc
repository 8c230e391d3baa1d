#include "sim/json.h"

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <utility>

namespace ane::sim {
namespace {

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::optional<Json> Run() {
    Json value;
    if (!Value(&value, 0)) return std::nullopt;
    Space();
    if (at_ != text_.size()) return std::nullopt;
    return value;
  }

 private:
  void Space() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string::npos)
      ++at_;
  }
  bool Accept(std::string_view word) {
    Space();
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  bool Value(Json* out, int depth) {
    if (depth > 32) return false;
    if (Accept("{")) return Members(out, depth);
    if (Accept("[")) return Items(out, depth);
    if (Accept("null")) return true;
    const bool yes = Accept("true");
    if (yes || Accept("false")) {
      out->kind = Json::Kind::kBool;
      out->number = yes;
      return true;
    }
    if (at_ < text_.size() && text_[at_] == '"') {
      out->kind = Json::Kind::kString;
      return String(&out->text);
    }
    out->kind = Json::Kind::kNumber;
    const auto [end, error] =
        std::from_chars(text_.data() + at_, text_.data() + text_.size(), out->number);
    if (error != std::errc()) return false;
    at_ = size_t(end - text_.data());
    return true;
  }

  bool Items(Json* out, int depth) {
    out->kind = Json::Kind::kArray;
    if (Accept("]")) return true;
    do {
      if (!Value(&out->items.emplace_back(), depth + 1)) return false;
    } while (Accept(","));
    return Accept("]");
  }

  bool Members(Json* out, int depth) {
    out->kind = Json::Kind::kObject;
    if (Accept("}")) return true;
    do {
      std::string name;
      Space();
      if (!String(&name) || !Accept(":") || !Value(&out->members[name], depth + 1)) return false;
    } while (Accept(","));
    return Accept("}");
  }

  bool String(std::string* out) {
    if (at_ >= text_.size() || text_[at_] != '"') return false;
    for (++at_; at_ < text_.size(); ++at_) {
      char c = text_[at_];
      if (c == '"') {
        ++at_;
        return true;
      }
      if (c == '\\') {
        if (++at_ >= text_.size()) return false;
        c = text_[at_];
        if (c == 'u') {
          if (!Escape(out)) return false;
          continue;
        }
        const size_t known = std::string_view("nrtbf").find(c);
        if (known != std::string_view::npos) c = "\n\r\t\b\f"[known];
      }
      *out += c;
    }
    return false;
  }

  // The four digits after \u; pairs of surrogates are refused, since paths and names need none.
  bool Escape(std::string* out) {
    uint32_t code = 0;
    const char* digits = text_.data() + at_ + 1;
    if (text_.size() - at_ < 5 || std::from_chars(digits, digits + 4, code, 16).ptr != digits + 4)
      return false;
    if (code >= 0xD800 && code < 0xE000) return false;
    at_ += 4;
    if (code < 0x80) {
      *out += char(code);
    } else if (code < 0x800) {
      *out += char(0xC0 | code >> 6);
      *out += char(0x80 | (code & 63));
    } else {
      *out += char(0xE0 | code >> 12);
      *out += char(0x80 | (code >> 6 & 63));
      *out += char(0x80 | (code & 63));
    }
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

std::optional<Json> ParseJson(std::string_view text) { return Reader(text).Run(); }

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", unsigned(c));
      out += escape;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace ane::sim
