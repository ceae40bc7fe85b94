#pragma once
// Does a message say how earlier advice turned out? "your tip from Monday worked" does; questions, plans, quotations,
// other people's advice and thanks for the reply just given do not. The rules stand in docs/feedback.md.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "feedback/time_range.hpp"

namespace clawrl {

struct CreditClaim {
  enum class When : std::uint8_t { stated, vague, unsaid };
  std::int8_t vote = 1;            // +1 it worked, -1 it did not
  When when = When::unsaid;        // vague: "the other day"
  std::vector<TimeRange> ranges;   // when stated
  std::vector<std::string> topic;  // stems of the words that tell what it was about; may be empty
};

/// Nothing when in doubt. English. Texts above 4 KiB are no such message.
std::optional<CreditClaim> find_claim(std::string_view message, const TimeContext& context);

/// The same for a text of which it is known that it speaks of a turn: what it is about, and when if it says so and
/// `ranges` do not. The vote is not looked for.
CreditClaim query_of(std::string_view text, std::vector<TimeRange> ranges, const TimeContext& context);

}  // namespace clawrl
