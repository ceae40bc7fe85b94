#pragma once
// Tokens that stand beside the merges (<|im_start|>, <think>, ...): found in the text before anything else is done.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.hpp"
#include "prompt/tokenizer_memory.hpp"

namespace clawrl {

struct AddedToken {
  TokenId id = 0;
  std::string content;
  bool special = false;     // left out by decode(skip_special), ordinary text under SpecialText::as_text
  bool normalized = false;  // looked for after normalisation instead of before
  bool lstrip = false;      // takes the white space before it
  bool rstrip = false;      // takes the white space after it
};

/// A part of a text: an added token, or ordinary text (token = -1).
struct TextSpan {
  std::size_t begin = 0, end = 0;  // bytes
  TokenId token = -1;
};

/// Leftmost, longest, non-overlapping. Immutable, thread-safe.
class AddedTokenMatcher {
 public:
  explicit AddedTokenMatcher(std::vector<AddedToken> tokens);

  bool empty() const { return tokens_.empty(); }
  std::size_t longest() const { return longest_; }  // bytes
  bool any_lstrip() const;

  /// Spans that cover the text from `from` on, in order, none empty. Special tokens that touch a literal range
  /// (ascending, disjoint) are skipped: what they would have matched stays text, as in Hugging Face's
  /// split_special_tokens.
  std::vector<TextSpan> split(std::string_view text, std::span<const LiteralRange> literal, std::size_t from = 0) const;

 private:
  struct Node {
    std::vector<std::pair<unsigned char, int>> children;
    int token = -1;  // index into tokens_
  };
  int child(int node, unsigned char byte) const;
  const AddedToken* longest_at(std::string_view rest) const;

  std::vector<AddedToken> tokens_;
  std::vector<Node> trie_{1};
  std::array<std::uint8_t, 256> begins_{};  // whether a token begins with the byte
  std::size_t longest_ = 0;
};

}  // namespace clawrl
