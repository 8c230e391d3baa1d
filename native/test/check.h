// Test cases that register themselves and a main() that runs them; one line per failure.
//
// Every *_test.cc is a program of its own: include this header once, write TEST(name) { … EXPECT(condition); }.
#pragma once

#include <cstdio>
#include <vector>

namespace check {

struct Case {
  const char* name;
  void (*body)();
};

inline std::vector<Case>& Cases() {
  static std::vector<Case> cases;
  return cases;
}
inline int& Failures() {
  static int failures = 0;
  return failures;
}
inline bool Register(const char* name, void (*body)()) {
  Cases().push_back({name, body});
  return true;
}
inline void Fail(const char* file, int line, const char* condition) {
  ++Failures();
  std::printf("%s:%d: expected %s\n", file, line, condition);
}

inline int Main() {
  int passed = 0, failed = 0;
  for (const Case& test : Cases()) {
    const int before = Failures();
    test.body();
    if (Failures() == before) {
      ++passed;
    } else {
      ++failed;
      std::printf("FAILED %s\n", test.name);
    }
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}

}  // namespace check

#define TEST(name)                                                                            \
  static void Test_##name();                                                                  \
  [[maybe_unused]] static const bool registered_##name = check::Register(#name, Test_##name); \
  static void Test_##name()

#define EXPECT(...)                                                    \
  do {                                                                 \
    if (!(__VA_ARGS__)) check::Fail(__FILE__, __LINE__, #__VA_ARGS__); \
  } while (false)

int main() { return check::Main(); }
