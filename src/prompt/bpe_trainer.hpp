#pragma once
// Trains a byte-level BPE in the Qwen style and writes it in the Hugging Face layout.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "prompt/added_tokens.hpp"
#include "prompt/bpe.hpp"

namespace clawrl {

/// The text counts `weight` times; `text` is not owned and must be valid UTF-8.
struct WeightedText {
  std::string_view text;
  std::int64_t weight = 1;  // >= 1
};

/// A trained vocabulary: ids 0..255 are the bytes in byte-level order, then one per merge result, in order.
struct TrainedBpe {
  std::vector<Merge> merges;
  std::vector<std::string> token_bytes;  // [vocab_size]
};

/// Qwen2 / Qwen3: the split regex and the added tokens of a chat model, ids from `first_id` on.
const std::string& qwen_split_pattern();
std::vector<AddedToken> qwen_added_tokens(TokenId first_id);

/// Deterministic: the same texts in any order give the same merges. Added tokens in the texts are cut out first. Throws
/// UserError if the texts hold too few different pieces for the vocabulary, or the size is below 256.
TrainedBpe train_bpe(std::span<const WeightedText> texts, int vocab_size);

/// Writes tokenizer.json and tokenizer_config.json; each is complete or absent.
void write_tokenizer(const TrainedBpe& bpe, const std::string& output_folder);

/// Both: `vocab_size_without_added` = 256 bytes + merges. Makes the folder if needed.
void train_tokenizer(std::span<const WeightedText> texts, int vocab_size_without_added,
                     const std::string& output_folder);

}  // namespace clawrl
