#include "grammar/json_text.hpp"

#include <algorithm>
#include <map>

namespace clawrl::grammar {
namespace {

Expression digit() {
  return symbols({{'0', '9'}});
}
Expression hex() {
  return symbols({{'0', '9'}, {'A', 'F'}, {'a', 'f'}});
}
Expression tail() {
  return symbols({{0x80, 0xBF}});
}

Expression natural(int digits) {
  return choice({one('0'), sequence({symbols({{'1', '9'}}), repeat(digit(), 0, digits - 1)})});
}

/// \" \\ \/ \b \f \n \r \t, \uXXXX, and pairs of surrogates: never half of one, which is no character.
Expression escape() {
  const Expression high =
      sequence({symbols({{'D', 'D'}, {'d', 'd'}}), symbols({{'8', '9'}, {'A', 'B'}, {'a', 'b'}}), hex(), hex()});
  const Expression low = sequence({symbols({{'D', 'D'}, {'d', 'd'}}), symbols({{'C', 'F'}, {'c', 'f'}}), hex(), hex()});
  const Expression single =
      choice({sequence({symbols({{'0', '9'}, {'A', 'C'}, {'E', 'F'}, {'a', 'c'}, {'e', 'f'}}), hex(), hex(), hex()}),
              sequence({symbols({{'D', 'D'}, {'d', 'd'}}), symbols({{'0', '7'}}), hex(), hex()})});
  return sequence(
      {one('\\'),
       choice(
           {symbols({{'"', '"'}, {'\\', '\\'}, {'/', '/'}, {'b', 'b'}, {'f', 'f'}, {'n', 'n'}, {'r', 'r'}, {'t', 't'}}),
            sequence({one('u'), single}), sequence({one('u'), high, text("\\u"), low})})});
}

}  // namespace

Expression beyond_ascii() {
  return choice({sequence({symbols({{0xC2, 0xDF}}), tail()}), sequence({one(0xE0), symbols({{0xA0, 0xBF}}), tail()}),
                 sequence({symbols({{0xE1, 0xEC}, {0xEE, 0xEF}}), tail(), tail()}),
                 sequence({one(0xED), symbols({{0x80, 0x9F}}), tail()}),
                 sequence({one(0xF0), symbols({{0x90, 0xBF}}), tail(), tail()}),
                 sequence({symbols({{0xF1, 0xF3}}), tail(), tail(), tail()}),
                 sequence({one(0xF4), symbols({{0x80, 0x8F}}), tail(), tail()})});
}

JsonText::JsonText(Grammar& grammar, bool tagged) : grammar_(grammar), tagged_(tagged) {
  blank_ = grammar.add_rule("blank");
  grammar.define(blank_, choice({nothing(), one(' '),
                                 sequence({one('\n'), choice({repeat(one(' '), 0, 20), repeat(one('\t'), 1, 8)})})}));
  beyond_ascii_ = grammar.add_rule("a character beyond ASCII");
  grammar.define(beyond_ascii_, grammar::beyond_ascii());
  escaped_ = grammar.add_rule("an escape");
  grammar.define(escaped_, escape());
  define_string();
  number_ = grammar.add_rule("number");
  grammar.define(number_,
                 sequence({optional(one('-')), natural(16), optional(sequence({one('.'), repeat(digit(), 1, 16)})),
                           optional(sequence({symbols({{'E', 'E'}, {'e', 'e'}}),
                                              optional(symbols({{'+', '+'}, {'-', '-'}})), repeat(digit(), 1, 2)}))}));
  integer_ = grammar.add_rule("integer");
  grammar.define(integer_, sequence({optional(one('-')), natural(18)}));
  value_ = grammar.add_rule("value");
  object_ = grammar.add_rule("object");
  array_ = grammar.add_rule("array");
  grammar.define(object_, list('{', sequence({string(), one(':'), blank(), value()}), 0, unlimited, '}'));
  grammar.define(array_, list('[', value(), 0, unlimited, ']'));
  grammar.define(value_, choice({object(), array(), string(), number(), text("true"), text("false"), text("null")}));
}

Expression JsonText::plain_ascii() const {
  return tagged_ ? symbols({{0x20, '!'}, {'#', ';'}, {'=', '['}, {']', 0x7F}})
                 : symbols({{0x20, '!'}, {'#', '['}, {']', 0x7F}});
}

/// The body is one loop; tagged, a "<" leads to a second node that does not read "/".
void JsonText::define_string() {
  string_ = grammar_.add_rule("string");
  const Expression slow = choice({call(beyond_ascii_), call(escaped_)});
  if (!tagged_) {
    grammar_.define(string_, sequence({one('"'), repeat(choice({plain_ascii(), slow}), 0, unlimited), one('"')}));
    return;
  }
  guarded_ = grammar_.add_rule("string after <");
  const Expression rest = repeat(choice({plain_ascii(), slow}), 0, unlimited);
  const Expression no_slash = symbols({{0x20, '!'}, {'#', '.'}, {'0', ';'}, {'=', '['}, {']', 0x7F}});
  grammar_.define(
      guarded_,
      choice({one('"'), sequence({one('<'), call(guarded_)}),
              sequence({choice({no_slash, slow}), rest, choice({one('"'), sequence({one('<'), call(guarded_)})})})}));
  grammar_.define(string_, sequence({one('"'), rest, choice({one('"'), sequence({one('<'), call(guarded_)})})}));
}

/// In tagged text "<" is never itself here, which keeps counted strings simple.
Expression JsonText::character() const {
  return choice({plain_ascii(), call(beyond_ascii_), call(escaped_)});
}

Expression JsonText::string_of_length(int minimum, int maximum) const {
  if (minimum == 0 && maximum == unlimited) return string();
  return sequence({one('"'), repeat(character(), minimum, maximum), one('"')});
}

Expression JsonText::literal_character(char32_t c) const {
  const auto byte = [](char32_t value) { return one(static_cast<Symbol>(value)); };
  if (c == '"' || c == '\\') return sequence({one('\\'), byte(c)});
  if (c < 0x20 || (tagged_ && c == '<')) {
    static const std::map<char32_t, char> brief = {{'\b', 'b'}, {'\f', 'f'}, {'\n', 'n'}, {'\r', 'r'}, {'\t', 't'}};
    if (const auto found = brief.find(c); found != brief.end())
      return sequence({one('\\'), byte(static_cast<char32_t>(found->second))});
    const char* const digits = "0123456789abcdef";
    return sequence(
        {text("\\u00"), byte(static_cast<char32_t>(digits[c >> 4U])), byte(static_cast<char32_t>(digits[c & 15U]))});
  }
  if (c < 0x80) return byte(c);
  if (c < 0x800) return sequence({byte(0xC0U | (c >> 6U)), byte(0x80U | (c & 63U))});
  if (c < 0x10000)
    return sequence({byte(0xE0U | (c >> 12U)), byte(0x80U | ((c >> 6U) & 63U)), byte(0x80U | (c & 63U))});
  return sequence({byte(0xF0U | (c >> 18U)), byte(0x80U | ((c >> 12U) & 63U)), byte(0x80U | ((c >> 6U) & 63U)),
                   byte(0x80U | (c & 63U))});
}

Expression JsonText::list(char open, Expression member, int minimum, int maximum, char close) const {
  const auto end = sequence({blank(), one(static_cast<unsigned char>(close))});
  const auto begin = one(static_cast<unsigned char>(open));
  if (maximum == 0) return sequence({begin, end});
  const Expression more = repeat(sequence({one(','), blank(), member}), std::max(0, minimum - 1),
                                 maximum == unlimited ? unlimited : maximum - 1);
  const Expression filled = sequence({begin, blank(), std::move(member), more, end});
  return minimum > 0 ? filled : choice({filled, sequence({begin, end})});
}

namespace {

/// Texts [begin, end), sorted, from byte `depth` on; shared beginnings are shared nodes.
Expression one_of(const std::vector<std::string>& texts, std::size_t begin, std::size_t end, std::size_t depth) {
  const std::string &first = texts[begin], &last = texts[end - 1];
  std::size_t common = depth;
  while (common < first.size() && common < last.size() && first[common] == last[common]) ++common;
  Expression head = text(std::string_view(first).substr(depth, common - depth));
  if (begin + 1 == end) return head;
  Expression ways = choice({});
  if (first.size() == common) ways.parts.push_back(nothing());
  for (begin += first.size() == common; begin < end;) {
    std::size_t same = begin + 1;
    while (same < end && texts[same][common] == texts[begin][common]) ++same;
    ways.parts.push_back(one_of(texts, begin, same, common));
    begin = same;
  }
  return sequence({std::move(head), std::move(ways)});
}

void guard(std::string& json) {
  for (std::size_t at = 0; (at = json.find("</", at)) != std::string::npos; at += 3) json.insert(at + 1, 1, '\\');
}

}  // namespace

Expression JsonText::dumped(std::string json) const {
  if (tagged_) guard(json);
  return text(json);
}

Expression JsonText::one_of_dumped(std::vector<std::string> jsons) const {
  if (tagged_)
    for (auto& json : jsons) guard(json);
  std::sort(jsons.begin(), jsons.end());
  jsons.erase(std::unique(jsons.begin(), jsons.end()), jsons.end());
  return jsons.empty() ? impossible() : one_of(jsons, 0, jsons.size(), 0);
}

namespace {

/// Names [begin, end), sorted, that share `depth` bytes: any string body that is none of their rests.
Expression other_than(const std::vector<std::string>& names, std::size_t begin, std::size_t end, std::size_t depth,
                      const Expression& any, bool tagged) {
  std::vector<Expression> ways;
  const bool taken = begin < end && names[begin].size() == depth;
  if (!taken) ways.push_back(nothing());
  if (taken) ++begin;
  std::vector<bool> starts(256);
  while (begin < end) {
    const char byte = names[begin][depth];
    std::size_t same = begin;
    while (same < end && names[same][depth] == byte) ++same;
    starts[static_cast<unsigned char>(byte)] = true;
    const bool plain =
        byte != '"' && byte != '\\' && static_cast<signed char>(byte) >= 0x20 && !(tagged && byte == '<');
    if (plain)
      ways.push_back(
          sequence({one(static_cast<unsigned char>(byte)), other_than(names, begin, same, depth + 1, any, tagged)}));
    begin = same;
  }
  std::vector<std::pair<Symbol, Symbol>> free;  // ASCII only: a first byte beyond is left out where names begin
  for (Symbol c = 0x20; c < 0x80; ++c)
    if (c != '"' && c != '\\' && !starts[c] && !(tagged && c == '<')) free.emplace_back(c, c);
  ways.push_back(sequence({symbols(free), any}));
  return choice(std::move(ways));
}

}  // namespace

Expression JsonText::string_other_than(std::vector<std::string> names) const {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  const int rest = grammar_.add_rule("rest of another name");
  grammar_.define(rest, repeat(choice({plain_ascii(), call(beyond_ascii_)}), 0, unlimited));
  return sequence({one('"'), other_than(names, 0, names.size(), 0, call(rest), tagged_), one('"')});
}

}  // namespace clawrl::grammar
