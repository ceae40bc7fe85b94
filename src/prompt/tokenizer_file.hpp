#pragma once
// A tokenizer.json, read and checked, as plain data.

#include <cstdint>
#include <string>
#include <vector>

#include "prompt/added_tokens.hpp"
#include "prompt/bpe.hpp"
#include "prompt/pretokenizer.hpp"

namespace clawrl {

/// What is done to a stretch of text between added tokens before it is cut into pieces.
struct TextRules {
  enum class Front : std::uint8_t { none, missing, missing_at_zero };
  bool nfc = false;
  std::string prepend;      // normaliser Prepend: in front of every stretch
  std::string space;        // replaces every " " ("\u2581"); empty = spaces stay
  bool space_late = false;  // by the pre-tokenizer (Metaspace), not by the normaliser
  Front front =
      Front::none;  // pre-tokenizer: put `front_text` where a stretch (or only the text) does not begin with it
  std::string front_text;
  bool changes_length() const { return !prepend.empty() || !space.empty() || front != Front::none; }
};

/// How ids become text.
struct DecodeRules {
  bool byte_tokens = false;  // runs of <0xXX> tokens are one: valid UTF-8 as a whole, or U+FFFD for each of its bytes
  int strip_front = 0;       // spaces left out at the beginning of a text
};

struct TokenizerParts {
  BpeModel model;
  TextRules text;
  DecodeRules decode;
  std::vector<SplitStage> splits;
  std::vector<AddedToken> added_tokens;
  std::vector<TokenId> prefix, suffix;   // what the post-processor puts around a text
  std::vector<std::string> token_bytes;  // [V] raw bytes by id; empty = no such token
  std::vector<std::uint8_t> byte_token;  // [V] or empty: 1 = <0xXX>
  StringMap<TokenId> vocabulary;         // raw bytes -> id, without the added tokens
};

/// Byte-level BPE (GPT-2, Qwen, Llama 3, tekken) and character BPE with byte fallback (Llama 2, Mistral, Gemma). Throws
/// UserError with the file, the field and what is allowed: a damaged file, or a component that is not supported.
TokenizerParts read_tokenizer_file(const std::string& path);

}  // namespace clawrl
