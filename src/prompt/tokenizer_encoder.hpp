#pragma once
// Text -> ids: added tokens, normalisation, pieces, merges.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "prompt/pretokenizer.hpp"
#include "prompt/tokenizer_file.hpp"

namespace clawrl {

/// Immutable but for its caches; thread-safe.
class TextEncoder {
 public:
  /// Takes what it needs out of `parts`; token tables stay there. Throws UserError for a regex that does not compile.
  explicit TextEncoder(TokenizerParts& parts);

  /// `text`: valid UTF-8, at most 1 GiB; `literal`: ascending, disjoint.
  std::vector<TokenId> encode(std::string_view text, std::span<const LiteralRange> literal) const;

 private:
  struct Run;
  void encode_from(std::size_t from, Run& run) const;
  void encode_stretch(std::size_t begin, std::size_t end, Run& run) const;
  void encode_normal(std::string_view text, bool at_zero, std::vector<TokenId>& ids) const;
  void encode_with_cuts(std::size_t begin, std::size_t end, Run& run) const;
  std::string normalised(std::string_view text) const;
  static std::vector<AddedToken> added_tokens(const TokenizerParts& parts, bool normalized, const TextEncoder& encoder);

  TextRules rules_;
  Bpe bpe_;
  Pretokenizer pretokenizer_;
  AddedTokenMatcher before_, after_;  // normalisation
  bool cuts_inside_;                  // whether a checkpoint may stand inside a stretch
  std::unique_ptr<PromptMemory> memory_;
};

}  // namespace clawrl
