#pragma once
// Made secrets: put together here, so that no scanner takes this repository for a leak.

#include <string>
#include <vector>

#include "privacy/redactor.hpp"
#include "support/catch.hpp"

namespace clawrl::test {

/// `prefix` and so many letters and digits that look random and are always the same.
inline std::string fake(const std::string& prefix, std::size_t length,
                        const std::string& alphabet = "q7Zr2Xk9Wm4Vt6Ln8Hc3Gb5Fd1Ps0JyAeUi") {
  std::string made = prefix;
  for (std::size_t i = 0; i < length; ++i) made += alphabet[(i * 7 + i / alphabet.size()) % alphabet.size()];
  return made;
}

inline std::string hex(const std::string& prefix, std::size_t length) {
  return fake(prefix, length, "0a1b2c3d4e5f6789");
}

inline std::string redacted(const Redactor& redactor, std::string text) {
  redactor.redact(text);
  return text;
}

struct Case {
  std::string text, expected;
};

/// Each text becomes what is expected, and stays so when it is redacted again.
inline void check_cases(const Redactor& redactor, const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    INFO("text: " << one.text);
    std::string text = one.text;
    const int hits = redactor.redact(text);
    CHECK(text == one.expected);
    CHECK((hits > 0) == (one.expected != one.text));
    CHECK(redactor.redact(text) == 0);
  }
}

inline void check_untouched(const Redactor& redactor, const std::vector<std::string>& texts) {
  for (const std::string& text : texts) CHECK(redacted(redactor, text) == text);
}

}  // namespace clawrl::test
