#pragma once
// All tokens of a vocabulary by their bytes, so that a mask costs one walk and not one run per token.

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/ids.hpp"
#include "prompt/tokenizer.hpp"

namespace clawrl::grammar {

/// Immutable once built; thread-safe. Left out: special tokens, tags (see tag_texts()) and ids without bytes or at and
/// beyond `vocabulary` (the model's rows).
class TokenTrie {
 public:
  /// In preorder: the children of node n begin at n + 1, what is not below it at `end`.
  struct Node {
    std::uint32_t end = 0;
    std::uint32_t tokens = 0;  // index of its first token; those of n are [n.tokens, (n + 1).tokens)
    std::uint16_t depth = 0;   // bytes up to and with this one, >= 1
    std::uint8_t byte = 0;
  };
  TokenTrie(const Tokenizer& tokenizer, std::int64_t vocabulary);
  /// For synthetic vocabularies: (bytes, id).
  TokenTrie(std::vector<std::pair<std::string, TokenId>> tokens, std::map<std::string, TokenId> tags,
            std::int64_t vocabulary);

  /// One more at the end, so that n + 1 always is.
  std::span<const Node> nodes() const { return nodes_; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(nodes_.size()) - 1; }
  std::span<const TokenId> tokens_at(std::uint32_t node) const {
    return std::span(tokens_).subspan(nodes_[node].tokens, nodes_[node + 1].tokens - nodes_[node].tokens);
  }
  std::int64_t vocabulary() const { return vocabulary_; }
  std::uint16_t depth() const { return depth_; }
  const std::map<std::string, TokenId>& tags() const { return tags_; }  // those that are single tokens
  /// Empty for ids that are left out.
  std::string_view bytes_of(TokenId id) const;

 private:
  void build(std::vector<std::pair<std::string, TokenId>> tokens);
  std::vector<Node> nodes_;
  std::vector<TokenId> tokens_;
  std::vector<std::string> bytes_;  // [vocabulary]
  std::map<std::string, TokenId> tags_;
  std::int64_t vocabulary_;
  std::uint16_t depth_ = 0;
};

}  // namespace clawrl::grammar
