#pragma once
// Prompts that were encoded before: one that begins like an earlier one is encoded from the first difference only.

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/ids.hpp"
#include "prompt/text_range.hpp"

namespace clawrl {

/// Bytes of a text in which special tokens are ordinary text.
using LiteralRange = TextRange;

/// Every text that agrees on the first `certain` bytes (and on what of them is literal) has the same first `ids` ids,
/// and they stand for exactly the bytes before `resume`.
struct EncodingMark {
  std::size_t certain = 0, resume = 0, ids = 0;
};

struct EncodedPrompt {
  std::string text;
  std::vector<LiteralRange> literal;  // ascending, disjoint
  std::vector<TokenId> ids;
  std::vector<EncodingMark> checkpoints;  // ascending
};

/// Bounded: the longest unused prompts go first. Texts are compared byte by byte, so a hash collision costs time only.
/// Thread-safe.
class PromptMemory {
 public:
  static constexpr std::size_t block = 1024;  // bytes; shorter prompts are not kept, and shorter likeness is not found

  explicit PromptMemory(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  struct Found {
    std::shared_ptr<const EncodedPrompt> prompt;  // nullptr = none
    std::size_t common = 0;                       // bytes in which text and literal ranges agree from the beginning
  };
  Found find(std::string_view text, std::span<const LiteralRange> literal);
  void keep(EncodedPrompt prompt);

 private:
  struct Entry {
    std::shared_ptr<const EncodedPrompt> prompt;
    std::vector<std::uint64_t> hashes;  // of the first block, the first two blocks, ...
    std::size_t bytes = 0;
  };
  void drop_last();

  std::size_t most_bytes_;
  std::mutex mutex_;
  std::size_t bytes_ = 0;
  std::list<Entry> entries_;  // latest use first
  std::unordered_map<std::uint64_t, std::list<Entry>::iterator> by_hash_;
};

}  // namespace clawrl
