// Times as people write them. "Now" is Saturday 2026-11-28 15:00 UTC unless said otherwise.

#include <cmath>

#include "feedback/time_range.hpp"
#include "support/catch.hpp"

using namespace clawrl;

namespace {

constexpr double now = 1795878000, midnight = 1795824000, hour = 3600, day = 86400;
constexpr TimeContext here{now, 0};

TimeRange only(const std::string& text, const TimeContext& context = here) {
  const auto ranges = parse_time(text, context);
  INFO(text);
  REQUIRE(ranges.size() == 1);
  return ranges[0];
}
/// A whole day, so many days before today.
TimeRange days_back(int days) {
  return {midnight - days * day, midnight - (days - 1) * day};
}
TimeRange until_now(double from) {
  return {from, now + 1};
}

}  // namespace

TEST_CASE("days by name") {
  CHECK(only("today") == until_now(midnight));
  CHECK(only("earlier today") == until_now(midnight));
  CHECK(only("Yesterday") == days_back(1));
  CHECK(only("  yesterday ") == days_back(1));
  CHECK(only("the day before yesterday") == days_back(2));
  CHECK(only("this morning") == TimeRange{midnight, midnight + 12 * hour});
  CHECK(only("this afternoon") == until_now(midnight + 12 * hour));
  CHECK(only("yesterday evening") == TimeRange{midnight - 7 * hour, midnight});
  CHECK(only("last night") == TimeRange{midnight - 6 * hour, midnight + 6 * hour});
  CHECK(parse_time("this evening", here).empty());  // still to come
  CHECK(parse_time("tonight", here).empty());
}

TEST_CASE("weekdays are the newest before today; last may mean two") {
  CHECK(only("Friday") == days_back(1));
  CHECK(only("on Monday") == days_back(5));
  CHECK(only("from sunday") == days_back(6));
  CHECK(only("Saturday") == days_back(7));
  CHECK(only("this saturday") == until_now(midnight));
  CHECK(only("Monday morning") == TimeRange{midnight - 5 * day, midnight - 5 * day + 12 * hour});
  CHECK(only("monday last week") == days_back(12));
  CHECK(only("Monday two weeks ago") == days_back(19));
  const auto last = parse_time("last Monday", here);
  CHECK(last == std::vector<TimeRange>{days_back(5), days_back(12)});
  CHECK(parse_time("last Saturday", here) == std::vector<TimeRange>{days_back(7)});
}

TEST_CASE("spans and counts") {
  CHECK(only("last week") == TimeRange{midnight - 12 * day, midnight - 5 * day});
  CHECK(only("this week") == until_now(midnight - 5 * day));
  CHECK(only("last weekend") == TimeRange{midnight - 7 * day, midnight - 5 * day});
  CHECK(only("last month").from_s == Approx(midnight - 58 * day));  // October
  CHECK(only("last month").to_s == Approx(midnight - 27 * day));
  CHECK(only("3 days ago") == days_back(3));
  CHECK(only("three days ago") == days_back(3));
  const TimeRange hours = only("2 hours ago");
  CHECK(hours == TimeRange{now - 3 * hour, now - hour});
  CHECK(only("an hour ago") == TimeRange{now - 1.5 * hour, now - 0.5 * hour});
  CHECK(only("10 minutes ago").from_s < now - 600);
  CHECK(only("10 minutes ago").to_s > now - 600);
  const TimeRange week = only("a week ago"), few = only("a few days ago");
  CHECK((week.from_s <= midnight - 7 * day && week.to_s > midnight - 7 * day));
  CHECK((few.from_s <= midnight - 4 * day && few.to_s <= midnight + day));
  CHECK(only("two weeks ago").from_s == midnight - 18 * day);
}

TEST_CASE("dates and instants") {
  CHECK(only("2026-11-27") == days_back(1));
  CHECK(only("2026-11-28") == until_now(midnight));
  CHECK(only("November 24") == days_back(4));
  CHECK(only("24 Nov") == days_back(4));
  CHECK(only("the 24th of november") == days_back(4));
  CHECK(only("December 24").from_s == Approx(midnight - 339 * day));  // of the year before
  const double ten = midnight - day + 10 * hour;
  const TimeRange around{ten - 900, ten + 900};
  CHECK(only("2026-11-27T10:00:00Z") == around);
  CHECK(only("2026-11-27T10:00") == around);
  CHECK(only("2026-11-27 10:00:00.123Z") == around);
  CHECK(only("2026-11-27T12:00:00+02:00") == around);
  CHECK(only("2026-11-27T05:30-0430") == around);
}

TEST_CASE("days begin where the user is") {
  const TimeContext india{now, 330}, hawaii{now, -600};  // there it is 20:30 and 05:00 of the 28th
  CHECK(only("yesterday", india) == TimeRange{midnight - day - 5.5 * hour, midnight - 5.5 * hour});
  CHECK(only("yesterday", hawaii) == TimeRange{midnight - day + 10 * hour, midnight + 10 * hour});
  const TimeContext sunday{now + 10 * hour, 0};  // 01:00
  CHECK(only("saturday", sunday) == TimeRange{midnight, midnight + day});
  const TimeContext still_saturday{now + 10 * hour, -120};  // 23:00
  CHECK(only("saturday", still_saturday) == TimeRange{midnight - 7 * day + 2 * hour, midnight - 6 * day + 2 * hour});
  CHECK(only("2026-11-27T10:00", india) ==
        TimeRange{midnight - day + 4.5 * hour - 900, midnight - day + 4.5 * hour + 900});
}

TEST_CASE("what is no time, no date or still to come") {
  for (const char* text : {"",
                           " ",
                           "soon",
                           "tomorrow",
                           "next week",
                           "in 2 days",
                           "2026-13-01",
                           "2026-02-30",
                           "2026-11-29",
                           "27.11.2026",
                           "2026-11-27T25:00",
                           "2026-11-27T10:61:00Z",
                           "2026-11-27T10:00:00+99:00",
                           "2026-11-27T10:00Zx",
                           "yesterday or so",
                           "monday tuesday",
                           "days ago",
                           "99999 days ago",
                           "-3 days ago",
                           "2027-01-01T00:00:00Z",
                           "last",
                           "November 31",
                           "\xff\xfe",
                           "2026-11-27T",
                           "2026-11-27T10:00:"}) {
    INFO(text);
    CHECK(parse_time(text, here).empty());
  }
}

TEST_CASE("a time is found among the words of a sentence") {
  const auto found = find_time(split_words("The regex that you gave me last Monday, was wrong"), here);
  REQUIRE(found);
  CHECK(found->first == 6);
  CHECK(found->count == 2);
  CHECK(found->ranges.size() == 2);
  CHECK(find_time(split_words("Tuesday's tip"), here)->ranges[0] == days_back(4));
  CHECK(find_time(split_words("what you said on 2026-11-25."), here)->ranges[0] == days_back(3));
  CHECK_FALSE(find_time(split_words("it may work, in a week or so"), here));
}
