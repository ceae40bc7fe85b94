#include "feedback/time_range.hpp"

#include <array>

#include "feedback/calendar.hpp"

namespace clawrl {
namespace {

using namespace calendar;

// -- parts of a phrase: each reads words from `at` on and moves it

struct Reader {
  const std::vector<Word>& words;
  std::size_t at;
  bool is(const char* word, std::size_t ahead = 0) const {
    return at + ahead < words.size() && words[at + ahead].text == word;
  }
  bool take(const char* word) {
    const bool there = is(word);
    at += there;
    return there;
  }
  std::string word(std::size_t ahead = 0) const { return at + ahead < words.size() ? words[at + ahead].text : ""; }
};

template <std::size_t N>
int place_of(const std::array<const char*, N>& names, const std::string& word, std::size_t shortest) {
  for (std::size_t i = 0; i < N; ++i)
    if (word == names[i] || (word.size() >= shortest && std::string_view(names[i]).starts_with(word)))
      return static_cast<int>(i);
  return -1;
}

int weekday_of(const std::string& word) {
  static constexpr std::array names = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};
  return place_of(names, word, 6);
}

int month_of(const std::string& word) {
  static constexpr std::array names = {"january", "february", "march",     "april",   "may",      "june",
                                       "july",    "august",   "september", "october", "november", "december"};
  return word == "sept" ? 8 : place_of(names, word, 3);
}

std::optional<double> number_of(const std::string& word) {
  static constexpr std::array names = {"zero",  "one",   "two",  "three", "four",   "five",  "six",
                                       "seven", "eight", "nine", "ten",   "eleven", "twelve"};
  if (word == "a" || word == "an") return 1;
  if (const int n = place_of(names, word, 99); n >= 0) return n;
  if (word.empty() || word.size() > 4 || word.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  return std::stod(word);
}

/// Narrows one day to the part of it that follows, if one does.
Ranges part_of_day(Reader& reader, const Calendar& calendar, double midnight) {
  if (reader.take("morning")) return calendar.range(midnight, midnight + 12 * hour);
  if (reader.take("noon")) return calendar.range(midnight + 11 * hour, midnight + 14 * hour);
  if (reader.take("afternoon")) return calendar.range(midnight + 12 * hour, midnight + 18 * hour);
  if (reader.take("evening")) return calendar.range(midnight + 17 * hour, midnight + day);
  if (reader.take("night")) return calendar.range(midnight + 18 * hour, midnight + day + 6 * hour);
  return calendar.whole_day(midnight);
}

Ranges named_day(Reader& reader, const Calendar& calendar) {
  if (reader.is("earlier") && reader.is("today", 1)) reader.at += 1;
  if (reader.take("today")) return calendar.whole_day(calendar.midnight());
  if (reader.take("tonight")) return calendar.range(calendar.midnight() + 17 * hour, calendar.midnight() + day);
  if (reader.take("yesterday")) return part_of_day(reader, calendar, calendar.midnight(1));
  if (reader.is("last") && reader.is("night", 1)) {
    reader.at += 2;
    return calendar.range(calendar.midnight(1) + 18 * hour, calendar.midnight() + 6 * hour);
  }
  if (reader.is("this") && (reader.is("morning", 1) || reader.is("afternoon", 1) || reader.is("evening", 1))) {
    reader.at += 1;
    return part_of_day(reader, calendar, calendar.midnight());
  }
  const std::size_t the = reader.is("the") ? 1 : 0;
  if (reader.is("day", the) && reader.is("before", the + 1) && reader.is("yesterday", the + 2)) {
    reader.at += the + 3;
    return calendar.whole_day(calendar.midnight(2));
  }
  return {};
}

Ranges named_weekday(Reader& reader, const Calendar& calendar) {
  const bool last = reader.is("last"), on_this = reader.is("this");
  const int wanted = weekday_of(reader.word(last || on_this ? 1 : 0));
  if (wanted < 0) return {};
  reader.at += last || on_this ? 2 : 1;
  int back = (calendar.weekday() - wanted + 7) % 7;
  if (back == 0 && !on_this) back = 7;
  if (reader.is("last") && reader.is("week", 1)) {
    reader.at += 2;
    return calendar.whole_day(calendar.midnight(calendar.weekday() + 7 - wanted));
  }
  if (const auto weeks = number_of(reader.word());
      weeks && (reader.is("week", 1) || reader.is("weeks", 1)) && reader.is("ago", 2)) {
    reader.at += 3;
    return calendar.whole_day(calendar.midnight(back + 7 * *weeks));
  }
  Ranges ranges = part_of_day(reader, calendar, calendar.midnight(back));
  if (last && back < 7)
    for (const TimeRange& before : calendar.whole_day(calendar.midnight(back + 7))) ranges.push_back(before);
  return ranges;
}

Ranges ago(Reader& reader, const Calendar& calendar) {
  Reader ahead = reader;
  auto count = number_of(ahead.word());
  double slack = 0;
  if (count && (ahead.is("couple", 1) || ahead.is("few", 1))) {
    slack = ahead.is("few", 1) ? 3 : 1;
    count = ahead.is("few", 1) ? 4 : 2;
    ahead.at += 1;
  }
  if (!count) return {};
  ahead.at += 1;
  if (slack > 0) ahead.take("of");
  const std::string unit = stem(ahead.word());
  if (!ahead.is("ago", 1)) return {};
  ahead.at += 2;
  Ranges found;
  const double n = *count;
  if (unit == "minute" || unit == "min")
    found = calendar.range(calendar.now - std::max(1.5 * n, n + 5) * minute, calendar.now - 0.5 * n * minute);
  else if (unit == "hour")
    found =
        calendar.range(calendar.now - (1.5 * n + slack) * hour, calendar.now - std::max(0.0, 0.5 * n - slack) * hour);
  else if (unit == "day")
    found = calendar.range(calendar.midnight(n + slack), calendar.midnight(std::max(0.0, n - slack)) + day);
  else if (unit == "week")
    found = calendar.range(calendar.midnight(7 * (n + slack) + 4),
                           calendar.midnight(std::max(0.0, 7 * (n - slack) - 4)) + day);
  else if (unit == "month")
    found = calendar.range(calendar.midnight(30 * (n + slack) + 15),
                           calendar.midnight(std::max(1.0, 30 * (n - slack) - 15)));
  reader.at = ahead.at;
  return found;
}

Ranges longer_span(Reader& reader, const Calendar& calendar) {
  const bool last = reader.is("last"), current = reader.is("this");
  if (!last && !current) return {};
  const double monday = calendar.midnight(calendar.weekday());
  const auto date = calendar.date();
  const double month = seconds_of(date.year() / date.month() / 1);
  const std::string unit = reader.word(1);
  Ranges found;
  if (unit == "week")
    found = last ? calendar.range(monday - 7 * day, monday) : calendar.range(monday, monday + 7 * day);
  if (unit == "weekend") {
    const double saturday = calendar.weekday() >= 5 && current ? monday + 5 * day : monday - 2 * day;
    found = calendar.range(saturday, saturday + 2 * day);
  }
  if (unit == "month") {
    const double before = seconds_of((date.year() / date.month() - std::chrono::months(1)) / 1);
    found = last ? calendar.range(before, month) : calendar.range(month, month + 31 * day);
  }
  if (!found.empty()) reader.at += 2;
  return found;
}

int day_number(const std::string& word) {
  std::string digits = word;
  for (const char* ending : {"st", "nd", "rd", "th"})
    if (digits.ends_with(ending)) digits.resize(digits.size() - 2);
  const bool number =
      !digits.empty() && digits.size() <= 2 && digits.find_first_not_of("0123456789") == std::string::npos;
  return number ? std::stoi(digits) : 0;
}

/// "November 24", "24th of November": the newest such day that is not to come.
Ranges day_of_month(Reader& reader, const Calendar& calendar) {
  const bool month_first = month_of(reader.word()) >= 0;
  const std::size_t of = !month_first && reader.is("of", 1) ? 1 : 0;
  const int month = month_of(reader.word(month_first ? 0 : 1 + of));
  const int number = day_number(reader.word(month_first ? 1 : 0));
  if (month < 0 || number < 1) return {};
  for (int years = 0; years < 2; ++years) {
    const auto date = (calendar.date().year() - std::chrono::years(years)) / (month + 1) / number;
    if (!date.ok()) return {};
    if (auto found = calendar.whole_day(seconds_of(date)); !found.empty()) {
      reader.at += 2 + of;
      return found;
    }
  }
  return {};
}

Ranges iso_date(Reader& reader, const Calendar& calendar) {
  const auto midnight = reader.word().size() == 10 ? iso_day(reader.word()) : std::nullopt;
  if (!midnight) return {};
  reader.at += 1;
  return calendar.whole_day(*midnight);
}

Ranges phrase_at(Reader& reader, const Calendar& calendar) {
  using Part = Ranges (*)(Reader&, const Calendar&);
  for (const Part part : {named_day, named_weekday, ago, longer_span, iso_date, day_of_month}) {
    Reader ahead = reader;
    auto found = part(ahead, calendar);
    if (found.empty()) continue;
    reader.at = ahead.at;
    return found;
  }
  return {};
}

}  // namespace

std::vector<TimeRange> parse_time(std::string_view text, const TimeContext& context) {
  const Calendar calendar(context);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  if (auto found = instant(text, calendar); !found.empty()) return found;
  if (text.empty() || text[0] == '-') return {};
  const std::vector<Word> words = split_words(text);
  Reader reader{words, 0};
  if (!reader.take("on")) reader.take("from");
  if (reader.is("the") && !reader.is("day", 1)) reader.at += 1;
  auto found = phrase_at(reader, calendar);
  if (reader.at < words.size()) found.clear();
  return found;
}

std::optional<TimePhrase> find_time(const std::vector<Word>& words, const TimeContext& context) {
  const Calendar calendar(context);
  for (std::size_t i = 0; i < words.size(); ++i) {
    Reader reader{words, i};
    if (auto found = phrase_at(reader, calendar); !found.empty()) return TimePhrase{found, i, reader.at - i};
  }
  return std::nullopt;
}

}  // namespace clawrl
