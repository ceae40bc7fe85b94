#pragma once
// Text from tokens as they arrive. A character may span tokens; a stream must never show half of one.

#include <string>
#include <string_view>

#include "core/ids.hpp"
#include "prompt/tokenizer.hpp"

namespace clawrl {

/// One object per stream; not thread-safe. The pieces and the flush together equal Tokenizer::decode of all ids.
class Detokenizer {
 public:
  /// Keeps a copy of the tokenizer (cheap: copies share everything).
  Detokenizer(const Tokenizer& tokenizer, bool skip_special);

  /// Valid UTF-8 that is certain now; bytes that are not UTF-8 give U+FFFD as soon as that is known. A skipped special
  /// token adds no bytes, so a character may go on across it. In vocabularies with byte fallback a run of byte tokens
  /// is held back until it ends, since one bad byte makes all of it U+FFFD.
  std::string push(TokenId id);

  /// What was held back at the end of the stream: nothing, a run of byte tokens, or U+FFFD for a character that never
  /// ended.
  std::string flush();

 private:
  std::string push_bytes(std::string_view bytes);
  std::string end_of_run();
  std::string stripped(std::string text);

  Tokenizer tokenizer_;
  bool skip_special_;
  int spaces_to_strip_;
  std::string pending_;  // the beginning of a character, at most 3 bytes
  std::string run_;      // bytes of a run of byte tokens
};

}  // namespace clawrl
