// Integers between two bounds, digit by digit.

#include <string>

#include "grammar/json_text.hpp"

namespace clawrl::grammar {
namespace {

Expression digits_between(char low, char high) {
  return symbols({{static_cast<unsigned char>(low), static_cast<unsigned char>(high)}});
}

Expression any_digits(std::size_t count) {
  return repeat(digits_between('0', '9'), static_cast<int>(count), static_cast<int>(count));
}

/// Digit strings of one length from low to high.
Expression same_length(const std::string& low, const std::string& high) {
  if (low.empty()) return nothing();
  const std::string low_rest = low.substr(1), high_rest = high.substr(1);
  const std::string zeros(low_rest.size(), '0'), nines(low_rest.size(), '9');
  if (low_rest == zeros && high_rest == nines)
    return sequence({digits_between(low[0], high[0]), any_digits(low_rest.size())});
  if (low[0] == high[0]) return sequence({digits_between(low[0], low[0]), same_length(low_rest, high_rest)});
  Expression all = choice({sequence({digits_between(low[0], low[0]), same_length(low_rest, nines)}),
                           sequence({digits_between(high[0], high[0]), same_length(zeros, high_rest)})});
  if (high[0] - low[0] > 1)
    all.parts.push_back(sequence(
        {digits_between(static_cast<char>(low[0] + 1), static_cast<char>(high[0] - 1)), any_digits(low_rest.size())}));
  return all;
}

/// 0 <= low <= high.
Expression natural_between(std::int64_t low, std::int64_t high) {
  const std::string from = std::to_string(low), to = std::to_string(high);
  Expression all = choice({});
  for (std::size_t length = from.size(); length <= to.size(); ++length) {
    const std::string smallest = length == 1 ? "0" : "1" + std::string(length - 1, '0');
    all.parts.push_back(
        same_length(length == from.size() ? from : smallest, length == to.size() ? to : std::string(length, '9')));
  }
  return all;
}

}  // namespace

Expression integer_between(std::int64_t low, std::int64_t high) {
  Expression all = choice({});
  if (low < 0) all.parts.push_back(sequence({one('-'), natural_between(high < 0 ? -high : 1, -low)}));
  if (high >= 0) all.parts.push_back(natural_between(low < 0 ? 0 : low, high));
  return all;
}

}  // namespace clawrl::grammar
