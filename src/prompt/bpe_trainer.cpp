#include "prompt/bpe_trainer.hpp"

#include <algorithm>
#include <queue>

#include "core/error.hpp"
#include "prompt/byte_level.hpp"
#include "prompt/pretokenizer.hpp"
#include "prompt/unicode.hpp"
#include "prompt/utf8.hpp"

namespace clawrl {
namespace {

struct Word {
  std::vector<TokenId> symbols;
  std::int64_t count = 0;
};

struct Pair {
  std::int64_t count = 0;
  std::vector<std::uint32_t> words;  // indices of words that have or had it; may repeat
};

/// Most frequent first; equal counts by the lower ids, so that the result does not depend on hashing.
struct Candidate {
  std::int64_t count = 0;
  TokenId left = 0, right = 0;
  bool operator<(const Candidate& other) const {
    if (count != other.count) return count < other.count;
    return left != other.left ? left > other.left : right > other.right;
  }
};

std::uint64_t key(TokenId left, TokenId right) {
  return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint32_t>(right);
}

StringMap<std::int64_t> count_pieces(std::span<const WeightedText> texts) {
  const AddedTokenMatcher added(qwen_added_tokens(0));
  const Pretokenizer pretokenizer({SplitStage{qwen_split_pattern()}});
  StringMap<std::int64_t> counts;
  for (const WeightedText& text : texts) {
    require(is_valid_utf8(text.text), "tokenizer training: a text is not valid UTF-8");
    require(text.weight >= 1, "tokenizer training: a weight is " + std::to_string(text.weight) + ", must be >= 1");
    for (const TextSpan& span : added.split(text.text, {})) {
      if (span.token >= 0) continue;
      const std::string normal = nfc(text.text.substr(span.begin, span.end - span.begin));
      for (const auto piece : pretokenizer.split(normal)) {
        const auto known = counts.find(piece);
        if (known != counts.end())
          known->second += text.weight;
        else
          counts.emplace(piece, text.weight);
      }
    }
  }
  return counts;
}

class Trainer {
 public:
  explicit Trainer(std::span<const WeightedText> texts) {
    bpe_.token_bytes.resize(256);
    for (int byte = 0; byte < 256; ++byte)
      add_token(byte_level_rank(static_cast<unsigned char>(byte)), std::string(1, static_cast<char>(byte)));
    for (const auto& [piece, count] : count_pieces(texts)) {
      Word word{{}, count};
      for (const char c : piece) word.symbols.push_back(byte_level_rank(static_cast<unsigned char>(c)));
      words_.push_back(std::move(word));
    }
    for (std::uint32_t i = 0; i < words_.size(); ++i) count_pairs(i, 1);
    for (const auto& [pair, counted] : pairs_)
      queue_.push({counted.count, static_cast<TokenId>(pair >> 32), static_cast<TokenId>(pair & 0xFFFFFFFFU)});
  }

  TrainedBpe run(int vocab_size) {
    while (bpe_.token_bytes.size() < static_cast<std::size_t>(vocab_size)) {
      require(!queue_.empty(), "tokenizer training: the texts give only " + std::to_string(bpe_.token_bytes.size()) +
                                   " tokens; " + std::to_string(vocab_size) + " were asked for");
      const Candidate best = queue_.top();
      queue_.pop();
      const std::int64_t now = pairs_[key(best.left, best.right)].count;
      if (now <= 0) continue;
      if (now == best.count)
        merge(best.left, best.right);
      else  // counts fall unseen by the queue
        queue_.push({now, best.left, best.right});
    }
    return std::move(bpe_);
  }

 private:
  void add_token(TokenId id, const std::string& bytes) {
    bpe_.token_bytes[static_cast<std::size_t>(id)] = bytes;
    ids_.emplace(bytes, id);
  }

  void count_pairs(std::uint32_t index, int sign) {
    const Word& word = words_[index];
    for (std::size_t i = 0; i + 1 < word.symbols.size(); ++i) {
      Pair& pair = pairs_[key(word.symbols[i], word.symbols[i + 1])];
      pair.count += sign * word.count;
      if (sign > 0 && (pair.words.empty() || pair.words.back() != index)) pair.words.push_back(index);
    }
  }

  /// Two ways may lead to the same bytes; then both merges share one token.
  TokenId result_of(TokenId left, TokenId right) {
    const std::string bytes =
        bpe_.token_bytes[static_cast<std::size_t>(left)] + bpe_.token_bytes[static_cast<std::size_t>(right)];
    const auto known = ids_.find(bytes);
    if (known != ids_.end()) return known->second;
    bpe_.token_bytes.emplace_back();
    add_token(static_cast<TokenId>(bpe_.token_bytes.size() - 1), bytes);
    return static_cast<TokenId>(bpe_.token_bytes.size() - 1);
  }

  static void replace(std::vector<TokenId>& symbols, const Merge& merge) {
    std::size_t to = 0;
    for (std::size_t from = 0; from < symbols.size(); ++from) {
      const bool here = from + 1 < symbols.size() && symbols[from] == merge.left && symbols[from + 1] == merge.right;
      symbols[to++] = here ? merge.result : symbols[from];
      if (here) ++from;
    }
    symbols.resize(to);
  }

  void merge(TokenId left, TokenId right) {
    const Merge made{left, right, result_of(left, right)};
    bpe_.merges.push_back(made);
    std::vector<std::uint32_t> touched = std::move(pairs_[key(left, right)].words);
    std::sort(touched.begin(), touched.end());
    touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
    std::vector<std::uint64_t> grown;
    for (const std::uint32_t index : touched) {
      count_pairs(index, -1);
      auto& symbols = words_[index].symbols;
      replace(symbols, made);
      count_pairs(index, 1);
      for (std::size_t i = 0; i + 1 < symbols.size(); ++i)
        if (symbols[i] == made.result || symbols[i + 1] == made.result)
          grown.push_back(key(symbols[i], symbols[i + 1]));
    }
    std::sort(grown.begin(), grown.end());
    grown.erase(std::unique(grown.begin(), grown.end()), grown.end());
    for (const std::uint64_t pair : grown)
      queue_.push({pairs_[pair].count, static_cast<TokenId>(pair >> 32), static_cast<TokenId>(pair & 0xFFFFFFFFU)});
  }

  TrainedBpe bpe_;
  StringMap<TokenId> ids_;
  std::vector<Word> words_;
  std::unordered_map<std::uint64_t, Pair> pairs_;
  std::priority_queue<Candidate> queue_;
};

}  // namespace

const std::string& qwen_split_pattern() {
  static const std::string pattern =
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|)"
      R"(\s*[\r\n]+|\s+(?!\S)|\s+)";
  return pattern;
}

std::vector<AddedToken> qwen_added_tokens(TokenId first_id) {
  std::vector<AddedToken> tokens;
  for (const char* special : {"<|endoftext|>", "<|im_start|>", "<|im_end|>"})
    tokens.push_back({first_id++, special, true});
  for (const char* plain : {"<think>", "</think>", "<tool_call>", "</tool_call>"})
    tokens.push_back({first_id++, plain, false});
  return tokens;
}

TrainedBpe train_bpe(std::span<const WeightedText> texts, int vocab_size) {
  require(vocab_size >= 256, "tokenizer training: a vocabulary of " + std::to_string(vocab_size) +
                                 " is too small; the 256 bytes are always in it");
  return Trainer(texts).run(vocab_size);
}

void train_tokenizer(std::span<const WeightedText> texts, int vocab_size_without_added,
                     const std::string& output_folder) {
  write_tokenizer(train_bpe(texts, vocab_size_without_added), output_folder);
}

}  // namespace clawrl
