// The Foundation classes the private framework is called with, and what all objects answer.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sim/object.h"

namespace ane::sim {

struct String : Object {
  std::string text;
};

struct Data : Object {
  std::vector<uint8_t> bytes;
  std::string_view view() const {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
};

struct Number : Object {
  int64_t value = 0;
};

struct Array : Object {
  std::vector<Id> items;  // owned
  ~Array() {
    for (Id item : items) Release(item);
  }
};

// Keys are strings, as in every dictionary the framework takes.
struct Dictionary : Object {
  std::map<std::string, Id> items;  // owned
  ~Dictionary() {
    for (auto& [key, item] : items) Release(item);
  }
};

struct Error : Object {
  std::string domain;
  int64_t code = 0;
  std::string description;
};

// All autoreleased.
String* MakeString(std::string_view text);
Data* MakeData(const void* bytes, size_t length);
Number* MakeNumber(int64_t value);
Array* MakeArray();
Dictionary* MakeDictionary();

void Append(Array* array, Id item);
void Put(Dictionary* dictionary, const std::string& key, Id item);

// Fills what an `error:` argument points at, if anything. Returns false, for `return Fails(…)`.
bool Fails(Id* error, const std::string& domain, int64_t code, const std::string& description);

// `object` as a T. A nil or wrong one is recorded with the name of the argument; the result is
// nullptr.
template <typename T>
T* Expect(Id object, const char* argument);

void RegisterFoundation();

}  // namespace ane::sim
