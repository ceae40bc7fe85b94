#include "grammar/token_trie.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "grammar/constraint_grammar.hpp"

namespace clawrl::grammar {
namespace {

constexpr std::size_t longest_token = 1024;  // bytes; a longer one is never allowed under a constraint

std::map<std::string, TokenId> tags_of(const Tokenizer& tokenizer, std::int64_t vocabulary) {
  std::map<std::string, TokenId> tags;
  for (const auto& text : tag_texts())
    if (const auto id = tokenizer.id_of(text); id && *id < vocabulary) tags.emplace(text, *id);
  return tags;
}

std::vector<std::pair<std::string, TokenId>> texts_of(const Tokenizer& tokenizer, std::int64_t vocabulary) {
  std::vector<std::pair<std::string, TokenId>> tokens;
  for (TokenId id = 0; id < std::min<std::int64_t>(tokenizer.vocab_size(), vocabulary); ++id)
    if (!tokenizer.is_special(id)) tokens.emplace_back(tokenizer.bytes_of(id), id);
  return tokens;
}

}  // namespace

TokenTrie::TokenTrie(const Tokenizer& tokenizer, std::int64_t vocabulary)
    : TokenTrie(texts_of(tokenizer, vocabulary), tags_of(tokenizer, vocabulary), vocabulary) {}

TokenTrie::TokenTrie(std::vector<std::pair<std::string, TokenId>> tokens, std::map<std::string, TokenId> tags,
                     std::int64_t vocabulary)
    : bytes_(static_cast<std::size_t>(vocabulary)), tags_(std::move(tags)), vocabulary_(vocabulary) {
  std::erase_if(tokens, [&](const auto& token) {
    return token.first.empty() || token.first.size() > longest_token || tags_.contains(token.first);
  });
  build(std::move(tokens));
}

void TokenTrie::build(std::vector<std::pair<std::string, TokenId>> tokens) {
  std::sort(tokens.begin(), tokens.end());
  std::vector<std::uint32_t> path;  // nodes from the root to the current one
  std::string current;
  for (auto& [bytes, id] : tokens) {
    expect(id >= 0 && id < vocabulary_, "TokenTrie: an id outside the vocabulary");
    const auto [mine, theirs] = std::mismatch(bytes.begin(), bytes.end(), current.begin(), current.end());
    const auto common = static_cast<std::size_t>(mine - bytes.begin());
    for (; path.size() > common; path.pop_back()) nodes_[path.back()].end = static_cast<std::uint32_t>(nodes_.size());
    for (std::size_t at = common; at < bytes.size(); ++at) {
      path.push_back(static_cast<std::uint32_t>(nodes_.size()));
      nodes_.push_back({0, static_cast<std::uint32_t>(tokens_.size()), static_cast<std::uint16_t>(at + 1),
                        static_cast<std::uint8_t>(bytes[at])});
    }
    depth_ = std::max(depth_, static_cast<std::uint16_t>(bytes.size()));
    tokens_.push_back(id);
    current = bytes;
    bytes_[static_cast<std::size_t>(id)] = std::move(bytes);
  }
  for (const auto node : path) nodes_[node].end = static_cast<std::uint32_t>(nodes_.size());
  nodes_.push_back({static_cast<std::uint32_t>(nodes_.size()) + 1, static_cast<std::uint32_t>(tokens_.size()), 0, 0});
}

std::string_view TokenTrie::bytes_of(TokenId id) const {
  return id >= 0 && id < vocabulary_ ? std::string_view(bytes_[static_cast<std::size_t>(id)]) : std::string_view();
}

}  // namespace clawrl::grammar
