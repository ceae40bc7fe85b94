#include "config/setting_list.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <type_traits>

#include "core/error.hpp"

namespace clawrl {
namespace {

template <class T>
std::string number_text(T value) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
  return {buffer, end};
}

/// 1000000, not 1e+06.
std::string bound_text(double bound) {
  const bool whole = std::abs(bound) < 1e15 && bound == std::trunc(bound);
  return whole ? number_text(static_cast<std::int64_t>(bound)) : number_text(bound);
}

std::string in_words(Range range, const std::string& kind) {
  const bool low = std::isfinite(range.low), high = std::isfinite(range.high);
  if (low && high) return kind + " " + bound_text(range.low) + ".." + bound_text(range.high);
  if (low) return kind + " >= " + bound_text(range.low);
  return high ? kind + " <= " + bound_text(range.high) : kind;
}

std::string in_words(const std::vector<std::string>& choices) {
  std::string text;
  for (const auto& choice : choices) text += (text.empty() ? "one of " : ", ") + choice;
  return text;
}

[[noreturn]] void refuse(const Setting& setting, const std::string& value) {
  throw UserError("setting " + setting.name + " = '" + value + "' is not allowed: " + setting.allowed);
}

template <class T>
T parse_number(const Setting& setting, const std::string& text, Range range) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) refuse(setting, text);
  const std::string rest(end, text.data() + text.size());
  if constexpr (std::is_integral_v<T>) {
    const int shift = rest == "k" ? 10 : rest == "M" ? 20 : rest == "G" ? 30 : rest.empty() ? 0 : -1;
    const auto limit = std::numeric_limits<T>::max() / (T{1} << std::max(shift, 0));
    if (shift < 0 || value > limit || (std::is_signed_v<T> && value < T{} - limit)) refuse(setting, text);
    value = static_cast<T>(value * (T{1} << shift));
  } else if (!rest.empty() || !std::isfinite(value)) {
    refuse(setting, text);
  }
  if (static_cast<double>(value) < range.low || static_cast<double>(value) > range.high) refuse(setting, text);
  return value;
}

template <class T>
Setting number_setting(const std::string& name, T& field, const std::string& help, Range range) {
  if (std::is_unsigned_v<T>) range.low = 0;
  Setting setting{.name = name, .help = help, .allowed = {}, .is_switch = false, .set = {}, .get = {}};
  setting.allowed = in_words(range, std::is_integral_v<T> ? "whole number" : "number");
  setting.set = [setting, range, &field](const std::string& text) { field = parse_number<T>(setting, text, range); };
  setting.get = [&field] { return number_text(field); };
  return setting;
}

// INI files end a value at '#' and drop blanks around it: what could not be read back is refused.
void require_printable(const Setting& setting, const std::string& text) {
  const bool blanks = !text.empty() && (std::isspace(static_cast<unsigned char>(text.front())) ||
                                        std::isspace(static_cast<unsigned char>(text.back())));
  if (blanks || text.find_first_of("#\n\r") != std::string::npos) refuse(setting, text);
}

void require_choice(const Setting& setting, const std::string& text, const std::vector<std::string>& choices) {
  if (!choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end()) refuse(setting, text);
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < text.size();) {
    const auto comma = std::min(text.find(',', at), text.size());
    auto part = text.substr(at, comma - at);
    part.erase(0, part.find_first_not_of(' '));
    part.erase(part.find_last_not_of(' ') + 1);
    parts.push_back(part);
    at = comma + 1;
  }
  return parts;
}

}  // namespace

void SettingList::add(const std::string& name, bool& field, const std::string& help) {
  Setting setting{.name = name, .help = help, .allowed = "true or false", .is_switch = true, .set = {}, .get = {}};
  setting.set = [setting, &field](const std::string& text) {
    const bool yes = text == "true" || text == "1" || text == "yes" || text == "on";
    const bool no = text == "false" || text == "0" || text == "no" || text == "off";
    if (!yes && !no) refuse(setting, text);
    field = yes;
  };
  setting.get = [&field] { return std::string(field ? "true" : "false"); };
  settings_.push_back(setting);
}

void SettingList::add(const std::string& name, std::int32_t& field, const std::string& help, Range range) {
  settings_.push_back(number_setting(name, field, help, range));
}
void SettingList::add(const std::string& name, std::int64_t& field, const std::string& help, Range range) {
  settings_.push_back(number_setting(name, field, help, range));
}
void SettingList::add(const std::string& name, std::uint64_t& field, const std::string& help) {
  settings_.push_back(number_setting(name, field, help, {}));
}
void SettingList::add(const std::string& name, float& field, const std::string& help, Range range) {
  settings_.push_back(number_setting(name, field, help, range));
}
void SettingList::add(const std::string& name, double& field, const std::string& help, Range range) {
  settings_.push_back(number_setting(name, field, help, range));
}

void SettingList::add(const std::string& name, std::string& field, const std::string& help,
                      std::vector<std::string> choices) {
  Setting setting{.name = name, .help = help, .allowed = in_words(choices), .is_switch = false, .set = {}, .get = {}};
  if (choices.empty()) setting.allowed = "text without '#', line ends or blanks around it";
  setting.set = [setting, choices, &field](const std::string& text) {
    require_printable(setting, text);
    require_choice(setting, text, choices);
    field = text;
  };
  setting.get = [&field] { return field; };
  settings_.push_back(setting);
}

void SettingList::add(const std::string& name, std::vector<std::string>& field, const std::string& help,
                      std::vector<std::string> choices) {
  Setting setting{.name = name, .help = help, .allowed = {}, .is_switch = false, .set = {}, .get = {}};
  setting.allowed = "a list with commas" + (choices.empty() ? std::string{} : ", each " + in_words(choices));
  setting.set = [setting, choices, &field](const std::string& text) {
    require_printable(setting, text);
    auto parts = split(text);
    for (const auto& part : parts) {
      if (part.empty()) refuse(setting, text);
      require_choice(setting, part, choices);
    }
    field = std::move(parts);
  };
  setting.get = [&field] {
    std::string text;
    for (const auto& part : field) text += (text.empty() ? "" : ",") + part;
    return text;
  };
  settings_.push_back(setting);
}

Setting* SettingList::find(const std::string& name) {
  const auto found = std::find_if(settings_.begin(), settings_.end(), [&](const Setting& s) { return s.name == name; });
  return found == settings_.end() ? nullptr : &*found;
}

}  // namespace clawrl
