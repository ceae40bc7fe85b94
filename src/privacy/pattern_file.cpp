#include "privacy/pattern_file.hpp"

#include <algorithm>
#include <fstream>

#include "core/error.hpp"

namespace clawrl::privacy {
namespace {

constexpr std::size_t most_patterns = 1000, longest_category = 32, longest_regex = 10'000;

bool valid_category(const std::string& text) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  return !text.empty() && text.size() <= longest_category && std::all_of(text.begin(), text.end(), allowed);
}

}  // namespace

std::vector<OwnPattern> read_patterns(const std::string& path) {
  std::ifstream file(path);
  require(file.is_open(), "privacy.patterns_file " + path + ": cannot be read");
  std::vector<OwnPattern> patterns;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    const std::string where = "privacy.patterns_file " + path + ":" + std::to_string(++number);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    const auto begin = line.find_first_not_of(" \t");
    if (begin == std::string::npos || line[begin] == '#') continue;
    const auto gap = std::min(line.find_first_of(" \t", begin), line.size());
    const auto regex = line.find_first_not_of(" \t", gap);
    OwnPattern one{line.substr(begin, gap - begin), regex == std::string::npos ? "" : line.substr(regex), where};
    require(valid_category(one.category),
            where + ": '" + one.category.substr(0, longest_category) +
                "' is no category: 1 to 32 of a-z, 0-9 and _ are, then blanks, then the regex");
    require(!one.regex.empty() && one.regex.size() <= longest_regex,
            where + ": a regex of 1 to 10000 bytes must follow the category");
    require(patterns.size() < most_patterns, where + ": more than 1000 patterns");
    patterns.push_back(std::move(one));
  }
  require(!file.bad(), "privacy.patterns_file " + path + ": reading it failed");
  return patterns;
}

}  // namespace clawrl::privacy
