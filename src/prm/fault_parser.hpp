#pragma once
// What the evaluator says of an error besides its vote: how grave it is, and where in the reply it began.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "prm/vote_parser.hpp"
#include "prompt/tokenizer.hpp"

namespace clawrl {

/// The last "[SEVERITY: n]" with n = 1, 2 or 3 (blanks around n are allowed); 0 = none.
std::int8_t parse_severity(const std::string& text);

/// Text of the last [FAULT_START]...[FAULT_END] pair, trimmed; what follows a " [...] " (the prompt's own cut) is left
/// out. Nothing when there is no pair or under 2 bytes.
std::optional<std::string> parse_fault(const std::string& text);

/// Response tokens [begin, end).
struct TokenSpan {
  std::int32_t begin = -1, end = -1;
};

/// The tokens of `ids` that touch the first place where their text reads `quote`, white space aside (the prompt breaks
/// marks up with blanks). Special tokens have no text. Nothing when the reply does not say it.
std::optional<TokenSpan> locate(const Tokenizer& tokenizer, const std::vector<TokenId>& ids, const std::string& quote);

/// The grade of an error that several voters saw: the lower median of those given, 0 = none. grades[i] belongs to
/// votes[i]; only voters of -1 count.
std::int8_t agreed_severity(const std::vector<Vote>& votes, const std::vector<std::int8_t>& grades);

}  // namespace clawrl
