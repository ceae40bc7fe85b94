#pragma once
// A subset of regular expressions as grammar, for the schema keyword "pattern".

#include <string>

#include "grammar/json_text.hpp"

namespace clawrl::grammar {

/// The JSON string, quotes included, whose content `pattern` is found in (anchors ^ and $ at the ends of an alternative
/// bind it). Supported: characters, escapes \d \w \s \D \W \S \n \r \t \f \v \xHH \uHHHH and of punctuation, `.`,
/// [classes] of ASCII, groups, alternatives, * + ? {m,n} (at most 1000). `.` and negated classes leave out control
/// characters. Throws UserError naming `where` and the offset of anything else.
Expression string_of_pattern(const std::string& pattern, const JsonText& json, const std::string& where);

}  // namespace clawrl::grammar
