#include "grammar/pattern.hpp"

#include <bitset>
#include <optional>

#include "core/error.hpp"

namespace clawrl::grammar {
namespace {

constexpr std::size_t max_length = 2048;
constexpr int max_repeat = 1000, max_groups = 50;

struct CharacterSet {
  std::bitset<128> ascii;
  bool beyond = false;
  void add(int low, int high) {
    for (int c = low; c <= high; ++c) ascii.set(static_cast<std::size_t>(c));
  }
  void invert() {
    ascii.flip();
    for (std::size_t c = 0; c < 0x20; ++c) ascii.reset(c);
    ascii.reset(0x7F);
    beyond = !beyond;
  }
};

class PatternParser {
 public:
  PatternParser(const std::string& pattern, const JsonText& json, const std::string& where)
      : pattern_(pattern), json_(json), where_(where) {}

  Expression parse() {
    if (pattern_.size() > max_length) refuse("is longer than " + std::to_string(max_length) + " bytes");
    Expression all = choice({});
    do all.parts.push_back(top_alternative());
    while (take('|'));
    if (at_ != pattern_.size()) refuse("has an unmatched ')'");
    return sequence({one('"'), std::move(all), one('"')});
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw UserError("keyword 'pattern' at " + where_ + " " + why + " (offset " + std::to_string(at_) + ")");
  }
  bool more() const { return at_ < pattern_.size(); }
  char peek() const { return more() ? pattern_[at_] : '\0'; }
  bool take(char c) {
    if (!more() || pattern_[at_] != c) return false;
    ++at_;
    return true;
  }

  Expression top_alternative() {
    Expression all = sequence({});
    if (!take('^')) all.parts.push_back(repeat(json_.character(), 0, unlimited));
    while (more() && peek() != '|' && peek() != ')' && peek() != '$') all.parts.push_back(repeated());
    if (take('$')) {
      if (more() && peek() != '|') refuse("has '$' before the end of an alternative, which is not supported");
    } else {
      all.parts.push_back(repeat(json_.character(), 0, unlimited));
    }
    return all;
  }

  Expression alternatives() {
    Expression all = choice({});
    do {
      Expression branch = sequence({});
      while (more() && peek() != '|' && peek() != ')') branch.parts.push_back(repeated());
      all.parts.push_back(std::move(branch));
    } while (take('|'));
    return all;
  }

  Expression repeated() {
    Expression part = atom();
    for (;;) {
      if (take('*'))
        part = repeat(std::move(part), 0, unlimited);
      else if (take('+'))
        part = repeat(std::move(part), 1, unlimited);
      else if (take('?'))
        part = repeat(std::move(part), 0, 1);
      else if (peek() == '{')
        part = counted(std::move(part));
      else
        return part;
      take('?');  // lazy: the same texts
      if (peek() == '+' || peek() == '*') refuse("has a possessive or doubled repetition, which is not supported");
    }
  }

  Expression counted(Expression part) {
    ++at_;
    const int low = number();
    int high = low;
    if (take(',')) high = peek() == '}' ? unlimited : number();
    if (!take('}') || (high != unlimited && high < low)) refuse("has a malformed {m,n}");
    return repeat(std::move(part), low, high);
  }

  int number() {
    int value = 0;
    const std::size_t begin = at_;
    while (peek() >= '0' && peek() <= '9') {
      value = value * 10 + (pattern_[at_++] - '0');
      if (value > max_repeat) refuse("repeats more than " + std::to_string(max_repeat) + " times");
    }
    if (at_ == begin) refuse("has a malformed {m,n}");
    return value;
  }

  Expression atom() {
    const char c = peek();
    if (c == '(') return group();
    if (c == '[') return of_set(character_class());
    if (c == '^' || c == '$' || c == '*' || c == '+' || c == '?' || c == '{' || c == '}')
      refuse(std::string("has '") + c + "' where it is not supported");
    if (c == '.') {
      ++at_;
      CharacterSet none;
      none.invert();
      return of_set(none);
    }
    if (c == '\\') {
      CharacterSet set;
      const auto single = escape(set);
      return single ? json_.literal_character(*single) : of_set(set);
    }
    return json_.literal_character(code_point());
  }

  Expression group() {
    ++at_;
    if (++depth_ > max_groups) refuse("nests groups too deeply");
    if (take('?') && !take(':')) refuse("has a group that starts with (?, only (?: is supported");
    Expression inner = alternatives();
    if (!take(')')) refuse("has an unmatched '('");
    --depth_;
    return inner;
  }

  char32_t code_point() {
    const auto lead = static_cast<unsigned char>(pattern_[at_++]);
    if (lead < 0x80) return lead;
    const int following = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
    char32_t value = lead & (0x3FU >> following);
    for (int i = 0; i < following && more(); ++i)
      value = (value << 6U) | (static_cast<unsigned char>(pattern_[at_++]) & 0x3FU);
    return value;
  }

  char32_t hexadecimal(int digits) {
    char32_t value = 0;
    for (int i = 0; i < digits; ++i) {
      const char c = peek();
      const bool digit = c >= '0' && c <= '9', lower = c >= 'a' && c <= 'f', upper = c >= 'A' && c <= 'F';
      if (!digit && !lower && !upper) refuse("has a malformed \\x or \\u");
      value = value * 16 + static_cast<char32_t>(digit ? c - '0' : (c | 32) - 'a' + 10);
      ++at_;
    }
    if (value >= 0xD800 && value < 0xE000) refuse("names a surrogate");
    return value;
  }

  /// A character, or nullopt and a set.
  std::optional<char32_t> escape(CharacterSet& set) {
    ++at_;
    const char c = peek();
    ++at_;
    switch (c) {
      case 'd':
      case 'D':
        set.add('0', '9');
        break;
      case 'w':
      case 'W':
        set.add('0', '9');
        set.add('A', 'Z');
        set.add('a', 'z');
        set.add('_', '_');
        break;
      case 's':
      case 'S':
        set.add('\t', '\r');
        set.add(' ', ' ');
        break;
      case 'n':
        return U'\n';
      case 'r':
        return U'\r';
      case 't':
        return U'\t';
      case 'f':
        return U'\f';
      case 'v':
        return U'\v';
      case 'x':
        return hexadecimal(2);
      case 'u':
        return hexadecimal(4);
      default:
        if (c < 0x21 || c == 0x7F || std::isalnum(static_cast<unsigned char>(c)))
          refuse(std::string("has the escape \\") + c + ", which is not supported");
        return static_cast<char32_t>(c);
    }
    if (c == 'D' || c == 'W' || c == 'S') set.invert();
    return std::nullopt;
  }

  char32_t class_character() {
    const char32_t c = code_point();
    if (c >= 0x80) refuse("has a character beyond ASCII in a class, which is not supported");
    return c;
  }

  CharacterSet character_class() {
    ++at_;
    CharacterSet all;
    const bool negated = take('^');
    for (bool first = true; !take(']') || first; first = false) {
      if (!more()) refuse("has an unmatched '['");
      CharacterSet set;
      std::optional<char32_t> low;
      if (first && at_ > 0 && pattern_[at_ - 1] == ']') refuse("has an empty class");
      if (peek() == '\\')
        low = escape(set);
      else
        low = class_character();
      if (!low) {
        all.ascii |= set.ascii;
        all.beyond |= set.beyond;
        continue;
      }
      char32_t high = *low;
      if (peek() == '-' && at_ + 1 < pattern_.size() && pattern_[at_ + 1] != ']') {
        ++at_;
        const auto to = peek() == '\\' ? escape(set) : class_character();
        if (!to || *to < *low) refuse("has a malformed range");
        high = *to;
      }
      if (high >= 0x80) refuse("has a character beyond ASCII in a class, which is not supported");
      all.add(static_cast<int>(*low), static_cast<int>(high));
    }
    if (negated) all.invert();
    return all;
  }

  Expression of_set(const CharacterSet& set) const {
    Expression plain = symbols({}), all = choice({});
    for (std::size_t c = 0; c < 128; ++c) {
      if (!set.ascii[c]) continue;
      Expression literal = json_.literal_character(static_cast<char32_t>(c));
      if (literal.kind == Expression::Kind::symbols)
        plain.ranges.push_back(literal.ranges.front());
      else
        all.parts.push_back(std::move(literal));
    }
    if (!plain.ranges.empty()) all.parts.push_back(std::move(plain));
    if (set.beyond) all.parts.push_back(beyond_ascii());
    return all;
  }

  const std::string& pattern_;
  const JsonText& json_;
  const std::string& where_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Expression string_of_pattern(const std::string& pattern, const JsonText& json, const std::string& where) {
  return PatternParser(pattern, json, where).parse();
}

}  // namespace clawrl::grammar
