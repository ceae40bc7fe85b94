#pragma once
// The local calendar that time phrases are read against. Internal to feedback/.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <string_view>
#include <vector>

#include "feedback/time_range.hpp"

namespace clawrl::calendar {

using Ranges = std::vector<TimeRange>;

inline constexpr double minute = 60, hour = 3600, day = 86400;

/// The local calendar, seconds counted from the local midnight of 1970-01-01.
struct Calendar {
  double now, offset;
  explicit Calendar(const TimeContext& context)
      : now(context.now_s + minute * context.utc_offset_minutes), offset(minute * context.utc_offset_minutes) {}
  double midnight(double days_back = 0) const { return day * (std::floor(now / day) - days_back); }
  int weekday() const { return static_cast<int>((static_cast<std::int64_t>(std::floor(now / day)) % 7 + 10) % 7); }
  std::chrono::year_month_day date() const {
    return std::chrono::sys_days(std::chrono::days(static_cast<int>(std::floor(now / day))));
  }
  /// Local to Unix; empty where all of it is still to come.
  Ranges range(double from, double to) const {
    if (from >= now || to <= from) return {};
    return {{from - offset, std::min(to, now + 1) - offset}};
  }
  Ranges whole_day(double from) const { return range(from, from + day); }
};

inline double seconds_of(std::chrono::year_month_day date) {
  return day * std::chrono::sys_days(date).time_since_epoch().count();
}

/// "2026-11-27" at the beginning of `text`: its local midnight.
std::optional<double> iso_day(std::string_view text);
/// "2026-11-27T10:00", with seconds, fractions and zone or without: a quarter of an hour around it.
Ranges instant(std::string_view text, const Calendar& calendar);

}  // namespace clawrl::calendar
