// Checksums and forms of numbers.

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <string>
#include <vector>

#include "privacy/checks.hpp"

namespace clawrl::privacy {
namespace {

bool digit(char c) {
  return c >= '0' && c <= '9';
}

std::string only_digits(std::string_view text) {
  std::string digits;
  std::copy_if(text.begin(), text.end(), std::back_inserter(digits), digit);
  return digits;
}

int value(char c) {
  return c - '0';
}

/// Bytes up to the end of the `count`th letter or digit; 0 when there are fewer or another one follows it directly.
std::size_t length_of(std::string_view text, std::size_t count) {
  std::size_t seen = 0, at = 0;
  for (; at < text.size() && seen < count; ++at) seen += std::isalnum(static_cast<unsigned char>(text[at])) != 0;
  const bool goes_on = at < text.size() && std::isalnum(static_cast<unsigned char>(text[at]));
  return seen == count && !goes_on ? at : 0;
}

std::size_t iban_length(const std::string& country) {
  struct Length {
    const char* country;
    std::size_t length;
  };
  static constexpr Length lengths[] = {
      {"AD", 24}, {"AE", 23}, {"AL", 28}, {"AT", 20}, {"AZ", 28}, {"BA", 20}, {"BE", 16}, {"BG", 22}, {"BH", 22},
      {"BR", 29}, {"BY", 28}, {"CH", 21}, {"CR", 22}, {"CY", 28}, {"CZ", 24}, {"DE", 22}, {"DK", 18}, {"DO", 28},
      {"EE", 20}, {"EG", 29}, {"ES", 24}, {"FI", 18}, {"FO", 18}, {"FR", 27}, {"GB", 22}, {"GE", 22}, {"GI", 23},
      {"GL", 18}, {"GR", 27}, {"GT", 28}, {"HR", 21}, {"HU", 28}, {"IE", 22}, {"IL", 23}, {"IQ", 23}, {"IS", 26},
      {"IT", 27}, {"JO", 30}, {"KW", 30}, {"KZ", 20}, {"LB", 28}, {"LC", 32}, {"LI", 21}, {"LT", 20}, {"LU", 20},
      {"LV", 21}, {"MC", 27}, {"MD", 24}, {"ME", 22}, {"MK", 19}, {"MR", 27}, {"MT", 31}, {"MU", 30}, {"NL", 18},
      {"NO", 15}, {"PK", 24}, {"PL", 28}, {"PS", 29}, {"PT", 25}, {"QA", 29}, {"RO", 24}, {"RS", 22}, {"SA", 24},
      {"SE", 24}, {"SI", 19}, {"SK", 24}, {"SM", 27}, {"TN", 24}, {"TR", 26}, {"UA", 29}, {"VA", 22}, {"VG", 24},
      {"XK", 20}};
  for (const Length& one : lengths)
    if (country == one.country) return one.length;
  return 0;
}

bool luhn(std::string_view digits) {
  int sum = 0;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    int d = value(digits[digits.size() - 1 - i]);
    if (i % 2 == 1 && (d *= 2) > 9) d -= 9;
    sum += d;
  }
  return sum % 10 == 0;
}

/// Lengths that the issuer of these first digits gives out; empty = none known.
std::vector<std::size_t> card_lengths(std::string_view digits) {
  const auto first = [&](std::size_t count) { return std::stoi(std::string(digits.substr(0, count))); };
  const auto in = [](int x, int low, int high) { return x >= low && x <= high; };
  if (digits[0] == '4') return {16, 19, 13};                                          // Visa
  if (in(first(2), 51, 55) || in(first(4), 2221, 2720)) return {16};                  // Mastercard
  if (first(2) == 34 || first(2) == 37) return {15};                                  // American Express
  if (first(4) == 6011 || first(2) == 65 || in(first(3), 644, 649)) return {16, 19};  // Discover
  if (in(first(4), 3528, 3589)) return {16};                                          // JCB
  if (in(first(3), 300, 305) || first(2) == 36 || first(2) == 38) return {14};        // Diners Club
  if (first(2) == 62) return {16, 19};                                                // UnionPay
  return {};
}

/// 4-4-4-4 and the like; a row of unrelated numbers has other groups.
bool card_groups(std::string_view text) {
  if (text.find_first_of(" -") == std::string_view::npos) return true;
  std::vector<std::size_t> groups{0};
  for (char c : text)
    if (digit(c))
      ++groups.back();
    else
      groups.push_back(0);
  const bool american = groups == std::vector<std::size_t>{4, 6, 5} || groups == std::vector<std::size_t>{4, 6, 4};
  const auto four = [](std::size_t g) { return g == 4; };
  return american || (std::all_of(groups.begin(), groups.end() - 1, four) && groups.back() >= 3 && groups.back() <= 4 &&
                      groups.size() >= 4);
}

/// Country calling codes by their first two digits; one-digit ones are +1 and +7, the rest of a decade has three.
bool country_code(const std::string& digits) {
  static constexpr std::array two{20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46,
                                  47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58, 60, 61, 62, 63,
                                  64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98};
  if (digits[0] == '1') return digits.size() == 11 && digits[1] >= '2' && digits[4] >= '2';
  if (digits[0] == '7') return digits.size() == 11;
  const int begin = std::stoi(digits.substr(0, 2));
  if (std::find(two.begin(), two.end(), begin) != two.end()) return true;
  static constexpr std::array decades{21, 22, 23, 24, 25, 26, 29, 35, 37, 38, 42, 50, 59, 67, 68, 85, 88, 96, 97, 99};
  return std::find(decades.begin(), decades.end(), begin) != decades.end();
}

}  // namespace

std::size_t iban(std::string_view found) {
  std::string letters;
  for (char c : found)
    if (std::isalnum(static_cast<unsigned char>(c)))
      letters += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const std::size_t length = iban_length(letters.substr(0, 2));
  const std::size_t bytes = length > 0 ? length_of(found, length) : 0;
  if (bytes == 0) return 0;
  const std::string turned = letters.substr(4, length - 4) + letters.substr(0, 4);
  int rest = 0;
  for (char c : turned) rest = digit(c) ? (rest * 10 + value(c)) % 97 : (rest * 100 + (c - 'A' + 10)) % 97;
  return rest == 1 ? bytes : 0;
}

std::size_t card(std::string_view found) {
  const std::string digits = only_digits(found);
  for (const std::size_t length : card_lengths(digits)) {
    const std::size_t bytes = digits.size() >= length ? length_of(found, length) : 0;
    if (bytes > 0 && luhn(std::string_view(digits).substr(0, length)) && card_groups(found.substr(0, bytes)))
      return bytes;
  }
  return 0;
}

std::size_t social_security_number(std::string_view found) {
  const std::string d = only_digits(found);
  const std::string area = d.substr(0, 3);
  const bool valid =
      area != "000" && area != "666" && area[0] != '9' && d.substr(3, 2) != "00" && d.substr(5) != "0000";
  return valid ? found.size() : 0;
}

std::size_t cpf(std::string_view found) {
  const std::string d = only_digits(found);
  if (std::all_of(d.begin(), d.end(), [&](char c) { return c == d[0]; })) return 0;
  for (int length : {9, 10}) {
    int sum = 0;
    for (int i = 0; i < length; ++i) sum += value(d[static_cast<std::size_t>(i)]) * (length + 1 - i);
    if (sum * 10 % 11 % 10 != value(d[static_cast<std::size_t>(length)])) return 0;
  }
  return found.size();
}

std::size_t codice_fiscale(std::string_view found) {
  static constexpr int odd[] = {1,  0,  5, 7, 9, 13, 15, 17, 19, 21, 2,  4,  18,
                                20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23};
  int sum = 0;
  for (std::size_t i = 0; i < 15; ++i) {
    const int rank = digit(found[i]) ? value(found[i]) : found[i] - 'A';
    sum += i % 2 == 0 ? odd[rank] : rank;
  }
  return found[15] == 'A' + sum % 26 ? found.size() : 0;
}

std::size_t resident_id(std::string_view found) {
  static constexpr int weights[] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
  const int month = std::stoi(std::string(found.substr(10, 2))), day = std::stoi(std::string(found.substr(12, 2)));
  if (month < 1 || month > 12 || day < 1 || day > 31) return 0;
  int sum = 0;
  for (std::size_t i = 0; i < 17; ++i) sum += value(found[i]) * weights[i];
  const char check = "10X98765432"[sum % 11];
  return std::toupper(static_cast<unsigned char>(found[17])) == check ? found.size() : 0;
}

std::size_t international_phone(std::string_view found) {
  const bool zeros = found.starts_with("00");
  const std::string digits = only_digits(found.substr(zeros ? 2 : 1));
  const bool separated =
      found.find_first_of(" /()-") != std::string_view::npos || std::count(found.begin(), found.end(), '.') >= 2;
  if (!separated && (zeros || found.find('.') != std::string_view::npos)) return 0;
  const bool length = digits.size() >= (separated ? 9 : 10) && digits.size() <= 15;
  return length && country_code(digits) ? found.size() : 0;
}

std::size_t local_phone(std::string_view found) {
  const std::size_t digits = only_digits(found).size();
  const bool decimal = std::count(found.begin(), found.end(), '.') == 1 && found.find(' ') == std::string_view::npos;
  return digits >= 7 && digits <= 15 && !decimal ? found.size() : 0;
}

std::size_t public_address(std::string_view found) {
  std::vector<int> part{0};
  for (char c : found)
    if (c == '.')
      part.push_back(0);
    else
      part.back() = part.back() * 10 + value(c);
  if (std::any_of(part.begin(), part.end(), [](int p) { return p > 255; })) return 0;
  const int a = part[0], b = part[1], c = part[2];
  const bool apart = a == 0 || a == 10 || a == 127 || a >= 224 || (a == 100 && b >= 64 && b < 128) ||
                     (a == 169 && b == 254) || (a == 172 && b >= 16 && b < 32) || (a == 192 && b == 168) ||
                     (a == 192 && b == 0) || (a == 198 && (b == 18 || b == 19 || (b == 51 && c == 100))) ||
                     (a == 203 && b == 0 && c == 113);
  return apart ? 0 : found.size();
}

}  // namespace clawrl::privacy
