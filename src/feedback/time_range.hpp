#pragma once
// What people call a time, as ranges of Unix seconds. Pure functions.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "feedback/words.hpp"

namespace clawrl {

/// Unix seconds, to_s not included.
struct TimeRange {
  double from_s = 0, to_s = 0;
  bool operator==(const TimeRange&) const = default;
};

/// Where "now" is and when days begin there.
struct TimeContext {
  double now_s = 0;                     // Unix seconds
  std::int32_t utc_offset_minutes = 0;  // east of Greenwich
};

/// The whole text is a time: "2026-11-27", "2026-11-27T10:00:00Z" or "2026-11-27 10:00" (a quarter of an hour around
/// it), "+02:00" at its end wins over the context; "today", "this morning", "yesterday evening", "last night", "the day
/// before yesterday", "Monday" (the newest before today), "last Monday" (that of this week and of the one before),
/// "two hours ago", "3 days ago", "last week" (Monday to Sunday), "this week", "last weekend", "last month",
/// "November 24". Several ranges where the words may mean several. Empty: no such time, or it lies in the future.
std::vector<TimeRange> parse_time(std::string_view text, const TimeContext& context);

struct TimePhrase {
  std::vector<TimeRange> ranges;
  std::size_t first = 0, count = 0;  // its words
};

/// The first of these times among the words of a sentence; instants by the clock are not looked for.
std::optional<TimePhrase> find_time(const std::vector<Word>& words, const TimeContext& context);

/// What parse_time() takes, for error messages.
inline constexpr const char* time_forms =
    "a date (2026-11-27), an instant (2026-11-27T10:00:00Z) or words like today, yesterday, Monday, 2 hours ago, "
    "last week";

}  // namespace clawrl
