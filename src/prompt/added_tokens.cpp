#include "prompt/added_tokens.hpp"

#include <algorithm>

#include "prompt/unicode.hpp"
#include "prompt/utf8.hpp"

namespace clawrl {
namespace {

std::size_t white_space_before(std::string_view text, std::size_t end, std::size_t limit) {
  while (end > limit) {
    std::size_t begin = end - 1;
    while (begin > limit && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
    if (!is_white_space(code_point(text.substr(begin)))) break;
    end = begin;
  }
  return end;
}

std::size_t white_space_after(std::string_view text, std::size_t begin) {
  while (begin < text.size() && is_white_space(code_point(text.substr(begin))))
    begin += utf8_step(text.substr(begin)).length;
  return begin;
}

}  // namespace

AddedTokenMatcher::AddedTokenMatcher(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    int node = 0;
    for (const char c : tokens_[i].content) {
      const auto byte = static_cast<unsigned char>(c);
      int next = child(node, byte);
      if (next < 0) {
        next = static_cast<int>(trie_.size());
        trie_[static_cast<std::size_t>(node)].children.emplace_back(byte, next);
        trie_.emplace_back();
      }
      node = next;
    }
    trie_[static_cast<std::size_t>(node)].token = static_cast<int>(i);
    begins_[static_cast<unsigned char>(tokens_[i].content[0])] = 1;
    longest_ = std::max(longest_, tokens_[i].content.size());
  }
}

int AddedTokenMatcher::child(int node, unsigned char byte) const {
  for (const auto& [label, next] : trie_[static_cast<std::size_t>(node)].children)
    if (label == byte) return next;
  return -1;
}

const AddedToken* AddedTokenMatcher::longest_at(std::string_view rest) const {
  int node = 0, best = -1;
  for (const char c : rest) {
    node = child(node, static_cast<unsigned char>(c));
    if (node < 0) break;
    if (trie_[static_cast<std::size_t>(node)].token >= 0) best = trie_[static_cast<std::size_t>(node)].token;
  }
  return best < 0 ? nullptr : &tokens_[static_cast<std::size_t>(best)];
}

bool AddedTokenMatcher::any_lstrip() const {
  return std::any_of(tokens_.begin(), tokens_.end(), [](const AddedToken& token) { return token.lstrip; });
}

std::vector<TextSpan> AddedTokenMatcher::split(std::string_view text, std::span<const LiteralRange> literal,
                                               std::size_t from) const {
  std::vector<TextSpan> spans;
  auto range = literal.begin();
  const auto touches_literal = [&](std::size_t begin, std::size_t end) {
    while (range != literal.end() && range->end <= begin) ++range;  // begins only grow
    return range != literal.end() && range->begin < end;
  };
  std::size_t done = from;
  for (std::size_t i = empty() ? text.size() : from; i < text.size();) {
    const AddedToken* token = begins_[static_cast<unsigned char>(text[i])] ? longest_at(text.substr(i)) : nullptr;
    if (!token) {
      ++i;
      continue;
    }
    std::size_t begin = i;
    i += token->content.size();
    if (token->special && touches_literal(begin, i)) continue;
    if (token->lstrip) begin = white_space_before(text, begin, done);
    const std::size_t end = token->rstrip ? white_space_after(text, i) : i;
    if (begin > done) spans.push_back({done, begin, -1});
    spans.push_back({begin, end, token->id});
    i = done = end;
  }
  if (done < text.size()) spans.push_back({done, text.size(), -1});
  return spans;
}

}  // namespace clawrl
