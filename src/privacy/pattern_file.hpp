#pragma once
// Regexes of one's own, from a file.

#include <string>
#include <vector>

namespace clawrl::privacy {

struct OwnPattern {
  std::string category;  // letters, digits, '_'; goes into the replacement
  std::string regex;
  std::string where;  // "FILE:LINE", for errors
};

/// One pattern a line: category, blanks, regex (PCRE2, UTF-8) up to the line's end. Empty lines and lines that begin
/// with # are skipped. UserError "privacy.patterns_file FILE:LINE: ..." for everything else.
std::vector<OwnPattern> read_patterns(const std::string& path);

}  // namespace clawrl::privacy
