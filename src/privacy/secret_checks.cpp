// Is it a secret, or how one is spoken of in code and documentation?

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

#include "privacy/checks.hpp"

namespace clawrl::privacy {
namespace {

bool digit(char c) {
  return c >= '0' && c <= '9';
}

bool letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string lower(std::string_view text) {
  std::string made(text);
  for (char& c : made) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return made;
}

std::ptrdiff_t digits(std::string_view text) {
  return std::count_if(text.begin(), text.end(), digit);
}

bool placeholder(std::string_view text) {
  static constexpr std::array parts{"example", "xxx", "***",        "...",         "${",       "{{",        "$(",
                                    "<",       "%s",  "[redacted:", "placeholder", "changeme", "change_me", "redacted"};
  static constexpr std::array words{"password", "passwd",   "pass",   "pwd",   "secret",    "token", "string",
                                    "str",      "text",     "none",   "null",  "undefined", "true",  "false",
                                    "required", "optional", "hidden", "value", "passphrase"};
  const std::string small = lower(text);
  if (small.starts_with("your") || small.starts_with("$") || small.starts_with("%")) return true;
  if (std::all_of(small.begin(), small.end(), [&](char c) { return c == small[0]; })) return true;
  const auto inside = [&](const char* part) { return small.find(part) != std::string::npos; };
  return std::any_of(parts.begin(), parts.end(), inside) || std::find(words.begin(), words.end(), small) != words.end();
}

/// session_token_v2, api-key-1, config.secret: lower-case words in a row.
bool words_in_a_row(std::string_view text) {
  const auto in_name = [](char c) {
    return (c >= 'a' && c <= 'z') || digit(c) || c == '_' || c == '-' || c == '.' || c == '/';
  };
  return std::all_of(text.begin(), text.end(), in_name) && text.find_first_of("_-./") != std::string_view::npos &&
         digits(text) <= 2;
}

/// self.password2, os.environ: names with dots, as code reads a value.
bool expression(std::string_view text) {
  const auto in_name = [](char c) { return letter(c) || digit(c) || c == '_' || c == '.'; };
  return letter(text[0]) && text.find('.') != std::string_view::npos && text.back() != '.' &&
         std::all_of(text.begin(), text.end(), in_name);
}

}  // namespace

std::size_t api_key(std::string_view found) {
  if (!found.starts_with("sk-")) return found.size();
  std::size_t run = 0, longest = 0;
  for (char c : found) longest = std::max(longest, run = c == '-' || c == '_' ? 0 : run + 1);
  return longest >= 12 && digits(found) > 0 && !placeholder(found) ? found.size() : 0;
}

std::size_t random_text(std::string_view found) {
  return digits(found) > 0 && !placeholder(found) && !words_in_a_row(found) && !expression(found) ? found.size() : 0;
}

std::size_t password(std::string_view found) {
  const bool sentence = found.find(' ') != std::string_view::npos && digits(found) == 0;
  return placeholder(found) || sentence ? 0 : found.size();
}

std::size_t bare_password_value(std::string_view found) {
  while (!found.empty() && std::string_view(".!?:").find(found.back()) != std::string_view::npos)
    found.remove_suffix(1);
  if (found.size() < 4 || placeholder(found) || expression(found)) return 0;
  const bool telling = digits(found) > 0 || found.find_first_of("!@#$^*+?~") != std::string_view::npos;
  return telling ? found.size() : 0;
}

}  // namespace clawrl::privacy
