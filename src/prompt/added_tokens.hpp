#pragma once
// Tokens that stand beside the merges (<|im_start|>, <think>, ...): found in the text before anything else is done.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.hpp"

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

  /// Spans that cover the whole text, in order, none empty. With special_as_text the special tokens are skipped (what
  /// they would have matched stays text, as in Hugging Face's split_special_tokens).
  std::vector<TextSpan> split(std::string_view text, bool special_as_text) const;

 private:
  struct Node {
    std::vector<std::pair<unsigned char, int>> children;
    int token = -1;  // index into tokens_
  };
  int child(int node, unsigned char byte) const;
  const AddedToken* longest_at(std::string_view rest) const;

  std::vector<AddedToken> tokens_;
  std::vector<Node> trie_{1};
};

}  // namespace clawrl
