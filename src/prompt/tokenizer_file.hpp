#pragma once
// A tokenizer.json, read and checked, as plain data.

#include <cstdint>
#include <string>
#include <vector>

#include "prompt/added_tokens.hpp"
#include "prompt/bpe.hpp"

namespace clawrl {

struct TokenizerParts {
  BpeModel model;
  bool nfc = false;                         // normaliser: NFC or none
  std::vector<std::string> split_patterns;  // "Isolated" regexes, in order
  std::vector<AddedToken> added_tokens;
  std::vector<TokenId> prefix, suffix;       // what the post-processor puts around a text
  std::vector<std::string> token_bytes;      // [V] raw bytes by id; empty = no such token
  StringMap<TokenId> vocabulary;             // raw bytes -> id, without the added tokens
};

/// Throws UserError with the file, the field and what is allowed: a damaged file, or a component that is not supported.
TokenizerParts read_tokenizer_file(const std::string& path);

}  // namespace clawrl
