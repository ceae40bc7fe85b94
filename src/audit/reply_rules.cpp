#include "audit/reply_rules.hpp"

#include <algorithm>
#include <sstream>

#include "privacy/pattern.hpp"

namespace clawrl {
namespace {

using privacy::Pattern;

std::vector<Pattern> compiled(const std::vector<std::string>& regexes, const std::string& where) {
  std::vector<Pattern> patterns;
  for (const std::string& regex : regexes) patterns.emplace_back(regex, Pattern::Kind::own, where);
  return patterns;
}

Pattern::Found search(const Pattern& pattern, std::string_view reply) {
  privacy::Span unused;
  return pattern.find(reply, 0, unused);
}

std::int32_t count_words(std::string_view reply) {
  std::istringstream text{std::string(reply)};
  std::int32_t words = 0;
  for (std::string word; text >> word;) ++words;
  return words;
}

}  // namespace

ReplyRules::ReplyRules(const HeldOutCase& one, const std::string& where)
    : must_(compiled(one.must, where + ": must")),
      must_not_(compiled(one.must_not, where + ": must_not")),
      min_words_(one.min_words),
      max_words_(one.max_words) {}

ReplyRules::~ReplyRules() = default;
ReplyRules::ReplyRules(ReplyRules&&) noexcept = default;

bool ReplyRules::pass(std::string_view reply) const {
  const std::int32_t words = count_words(reply);
  if (words < min_words_ || (max_words_ > 0 && words > max_words_)) return false;
  return std::all_of(must_.begin(), must_.end(),
                     [&](const Pattern& one) { return search(one, reply) == Pattern::Found::yes; }) &&
         std::all_of(must_not_.begin(), must_not_.end(),
                     [&](const Pattern& one) { return search(one, reply) == Pattern::Found::no; });
}

}  // namespace clawrl
