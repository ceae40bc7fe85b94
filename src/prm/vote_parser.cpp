#include "prm/vote_parser.hpp"

#include <algorithm>

#include "prm/trim.hpp"

namespace clawrl {
namespace {

/// Content of the box whose opening brace stands before `begin`, or nothing if it is never closed.
std::optional<std::string> box_content(const std::string& text, std::size_t begin) {
  int depth = 1;
  for (std::size_t at = begin; at < text.size(); ++at) {
    if (text[at] == '{') ++depth;
    if (text[at] == '}' && --depth == 0) return text.substr(begin, at - begin);
  }
  return {};
}

struct Counts {
  int minus = 0, zero = 0, plus = 0;
};

Counts count(const std::vector<Vote>& votes) {
  Counts counts;
  for (const auto& vote : votes)
    if (vote) ++(*vote > 0 ? counts.plus : *vote < 0 ? counts.minus : counts.zero);
  return counts;
}

}  // namespace

Vote parse_vote(const std::string& text) {
  static const std::string mark = "\\boxed{";
  std::optional<std::string> last;
  for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1))
    if (const auto content = box_content(text, at + mark.size())) last = trim(*content);
  if (last == "1" || last == "+1") return std::int8_t{1};
  if (last == "-1") return std::int8_t{-1};
  if (last == "0" || last == "+0" || last == "-0") return std::int8_t{0};
  return {};
}

std::int8_t majority(const std::vector<Vote>& votes) {
  const auto [minus, zero, plus] = count(votes);
  if (plus > std::max(minus, zero)) return 1;
  if (minus > std::max(plus, zero)) return -1;
  return 0;
}

bool majority_decided(const std::vector<Vote>& votes, int remaining) {
  const auto [minus, zero, plus] = count(votes);
  if (plus > std::max(minus, zero) + remaining || minus > std::max(plus, zero) + remaining) return true;
  return plus + remaining <= std::max(minus, zero) && minus + remaining <= std::max(plus, zero);
}

}  // namespace clawrl
