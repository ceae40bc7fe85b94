// A file of own regexes: used, checked at the start, and bounded.

#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "core/error.hpp"
#include "privacy/redaction_cases.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

struct PatternFile {
  std::string path = "/tmp/clawrl_patterns_XXXXXX";
  explicit PatternFile(const std::string& text) {
    const int file = ::mkstemp(path.data());
    REQUIRE(file >= 0);
    ::close(file);
    std::ofstream(path) << text;
  }
  ~PatternFile() { std::remove(path.c_str()); }
  RedactionSettings settings() const { return {{"email"}, path}; }
};

}  // namespace

TEST_CASE("own patterns beside the built-in ones") {
  const PatternFile file("# staff and projects\n\nstaff   \\bEMP-\\d{6}\\b\nproject (?i)project (?<secret>\\w+)\r\n");
  check_cases(Redactor(file.settings()),
              {
                  {"EMP-123456 leads Project Kestrel", "[redacted:staff] leads Project [redacted:project]"},
                  {"EMP-1234567", "EMP-1234567"},
                  {"mia@stone.org\nEMP-000001\n\nx", "[redacted:email]\n[redacted:staff]\n\nx"},
                  {"project \xC3\x84rmel", "project [redacted:project]"},
              });
}

TEST_CASE("a long line is searched in windows that keep characters whole") {
  const PatternFile file("staff EMP-\\d{6}\n");
  std::string text = "x";
  for (int i = 0; i < 5000; ++i) text += "\xC3\xA9";
  check_cases(Redactor(file.settings()), {{text + " EMP-123456", text + " [redacted:staff]"}, {text, text}});
}

TEST_CASE("what is wrong in the file is named with its line") {
  const auto message = [](const std::string& text) {
    const PatternFile file(text);
    try {
      const Redactor redactor(file.settings());
    } catch (const UserError& error) {
      std::string what = error.what();
      const auto at = what.find(file.path);
      return at == std::string::npos ? what : what.substr(at + file.path.size());
    }
    return std::string("accepted");
  };
  CHECK(message("staff EMP\nbad [a-\n").starts_with(":2: the regex does not compile at offset"));
  CHECK(message("Staff EMP\n").starts_with(":1: 'Staff' is no category"));
  CHECK(message("\n#\nstaff\n").starts_with(":3: a regex of 1 to 10000 bytes must follow"));
  CHECK(message("staff (a+)+$\n").starts_with(":1: the regex backtracks too much"));
  CHECK(message("staff redacted\n").starts_with(":1: the regex matches its own replacement"));
  CHECK_THROWS_WITH(Redactor({{"email"}, "/nowhere/patterns"}), Catch::Contains("/nowhere/patterns: cannot be read"));
}

TEST_CASE("a regex that runs away on a text hides all of it") {
  const PatternFile file("staff (?:q\\w*)+:\n");  // harmless on the probes of the start
  std::string text;
  while (text.size() < 3000) text += "qwwwwwwwww";
  CHECK(redacted(Redactor(file.settings()), "secret " + text + " :") == "[redacted:staff]");
  CHECK(redacted(Redactor(file.settings()), "qw:") == "[redacted:staff]");
}
