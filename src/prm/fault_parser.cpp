#include "prm/fault_parser.hpp"

#include <algorithm>

#include "prm/trim.hpp"

namespace clawrl {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

std::string without_space(std::string text) {
  std::erase_if(text, is_space);
  return text;
}

/// Text of a reply without white space, and which token each byte came from.
struct TokenText {
  std::string bytes;
  std::vector<std::int32_t> token;
};

TokenText text_of(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  TokenText text;
  for (std::size_t t = 0; t < ids.size(); ++t) {
    if (tokenizer.is_special(ids[t])) continue;
    for (const char c : tokenizer.bytes_of(ids[t])) {
      if (is_space(c)) continue;
      text.bytes += c;
      text.token.push_back(static_cast<std::int32_t>(t));
    }
  }
  return text;
}

}  // namespace

std::int8_t parse_severity(const std::string& text) {
  static const std::string mark = "[SEVERITY:";
  std::int8_t last = 0;
  for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
    const auto begin = at + mark.size(), end = text.find(']', begin);
    if (end == std::string::npos) break;
    const std::string grade = trim(text.substr(begin, end - begin));
    if (grade == "1" || grade == "2" || grade == "3") last = static_cast<std::int8_t>(grade[0] - '0');
  }
  return last;
}

std::optional<std::string> parse_fault(const std::string& text) {
  static const std::string start = "[FAULT_START]", stop = "[FAULT_END]";
  constexpr std::size_t kShortest = 2;  // bytes
  std::optional<std::string> last;
  for (auto begin = text.find(start); begin != std::string::npos; begin = text.find(start, begin)) {
    begin += start.size();
    const auto end = text.find(stop, begin);
    if (end == std::string::npos) break;
    const std::string inside = text.substr(begin, end - begin);
    last = trim(inside.substr(0, inside.find("[...]")));
    begin = end + stop.size();
  }
  if (!last || last->size() < kShortest) return {};
  return last;
}

std::optional<TokenSpan> locate(const Tokenizer& tokenizer, const std::vector<TokenId>& ids, const std::string& quote) {
  const std::string wanted = without_space(quote);
  const TokenText text = text_of(tokenizer, ids);
  const auto at = wanted.empty() ? std::string::npos : text.bytes.find(wanted);
  if (at == std::string::npos) return {};
  return TokenSpan{text.token[at], text.token[at + wanted.size() - 1] + 1};
}

std::int8_t agreed_severity(const std::vector<Vote>& votes, const std::vector<std::int8_t>& grades) {
  std::vector<std::int8_t> given;
  for (std::size_t i = 0; i < votes.size(); ++i)
    if (votes[i] == std::int8_t{-1} && grades[i] > 0) given.push_back(grades[i]);
  if (given.empty()) return 0;
  std::sort(given.begin(), given.end());
  return given[(given.size() - 1) / 2];
}

}  // namespace clawrl
