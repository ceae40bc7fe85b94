#pragma once
// BPE as in Qwen, Llama, Mistral and their kin, from a Hugging Face tokenizer.json.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.hpp"
#include "prompt/tokenizer_memory.hpp"

namespace clawrl {

struct TokenizerParts;

/// What to do with a special token's text (`<|im_end|>`) inside a text.
enum class SpecialText : std::uint8_t {
  parse,    // it becomes the token
  as_text,  // it is ordinary text: for whatever a user wrote. Tokens with special: false (<think>) still match
};

/// Immutable; copies share everything; all members are thread-safe. Texts of 1 KiB and more are remembered (32 MiB in
/// all): one that begins like an earlier one is encoded from the first difference only, with the same ids.
class Tokenizer {
 public:
  /// Throws UserError naming the file and the field.
  static Tokenizer load(const std::string& tokenizer_json_path);
  explicit Tokenizer(TokenizerParts parts);

  /// Text -> ids, nothing put around it. Bytes that are not UTF-8 are read as U+FFFD. Example: "Hi" -> [39, 72].
  std::vector<TokenId> encode(std::string_view text, SpecialText special = SpecialText::parse) const;

  /// A prompt of which some bytes are a user's: special tokens that touch one of those ranges stay text (as_text), the
  /// others are parsed; merges go across the borders as in one text. Ranges: ascending, disjoint, within the text.
  std::vector<TokenId> encode(std::string_view text, std::span<const LiteralRange> literal) const;

  /// encode() between what the file's post-processor adds (a begin-of-text token, or nothing).
  std::vector<TokenId> encode_with_post_processor(std::string_view text,
                                                  SpecialText special = SpecialText::parse) const;

  /// Encoded ids between the same.
  std::vector<TokenId> post_processed(std::vector<TokenId> ids) const;

  /// Ids -> valid UTF-8: bytes that are none become U+FFFD. Ids without a token add nothing.
  std::string decode(std::span<const TokenId> ids, bool skip_special) const;

  /// An added token by its text, else a token by its raw bytes.
  std::optional<TokenId> id_of(std::string_view token) const;

  /// Raw bytes, not always UTF-8; empty for an id without a token. Valid as long as a copy of this tokenizer lives.
  std::string_view bytes_of(TokenId id) const;
  bool is_special(TokenId id) const;

  /// Highest id + 1, added tokens included. A model's embedding may have more rows.
  int vocab_size() const;

  // -- what a Detokenizer needs beside bytes_of()

  /// A token <0xXX> of a vocabulary with byte fallback: a run of them is text only if it is valid UTF-8 as a whole.
  bool is_byte_token(TokenId id) const;
  /// Spaces that decode() leaves out at the beginning of a text.
  int stripped_spaces() const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace clawrl
