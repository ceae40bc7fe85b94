#include "feedback/calendar.hpp"

namespace clawrl::calendar {
namespace {

constexpr double around_instant = 15 * minute;

/// Digits at fixed places; -1 when others stand there.
int digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (i >= text.size() || text[i] < '0' || text[i] > '9') return -1;
    value = 10 * value + (text[i] - '0');
  }
  return value;
}

/// "+02:00", "+0200", "Z" or nothing: seconds east; nullopt = something else.
std::optional<double> zone_of(std::string_view text, double otherwise) {
  if (text.empty()) return otherwise;
  if (text == "Z" || text == "z") return 0;
  if (text[0] != '+' && text[0] != '-') return std::nullopt;
  const std::size_t colon = text.size() == 6 && text[3] == ':' ? 1 : 0;
  const int hours = digits(text, 1, 2), minutes = digits(text, 3 + colon, 2);
  if (text.size() != 5 + colon || hours < 0 || hours > 14 || minutes < 0 || minutes > 59) return std::nullopt;
  return (text[0] == '-' ? -1 : 1) * (hours * hour + minutes * minute);
}

}  // namespace

std::optional<double> iso_day(std::string_view text) {
  const int y = digits(text, 0, 4), m = digits(text, 5, 2), d = digits(text, 8, 2);
  if (text.size() < 10 || y < 1970 || m < 1 || d < 1 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto date = std::chrono::year(y) / m / d;
  if (!date.ok()) return std::nullopt;
  return seconds_of(date);
}

Ranges instant(std::string_view text, const Calendar& calendar) {
  const auto midnight = iso_day(text);
  if (!midnight || text.size() < 16 || (text[10] != 'T' && text[10] != 't' && text[10] != ' ') || text[13] != ':')
    return {};
  const int h = digits(text, 11, 2), m = digits(text, 14, 2);
  if (h < 0 || h > 23 || m < 0 || m > 59) return {};
  std::size_t at = 16;
  int s = 0;
  if (at < text.size() && text[at] == ':') {
    s = digits(text, at + 1, 2);
    if (s < 0 || s > 60) return {};
    at += 3;
    if (at < text.size() && text[at] == '.') do
        ++at;
      while (at < text.size() && text[at] >= '0' && text[at] <= '9');
  }
  const auto zone = zone_of(text.substr(std::min(at, text.size())), calendar.offset);
  if (!zone) return {};
  const double unix_s = *midnight + h * hour + m * minute + s - *zone;
  if (unix_s > calendar.now - calendar.offset + around_instant) return {};
  return {{unix_s - around_instant, unix_s + around_instant}};
}

}  // namespace clawrl::calendar
