#include "prompt/tokenizer_memory.hpp"

#include <algorithm>

#include "core/checksum.hpp"

namespace clawrl {
namespace {

std::vector<std::uint64_t> prefix_hashes(std::string_view text) {
  std::vector<std::uint64_t> hashes;
  std::uint64_t chain = 0;
  for (std::size_t end = PromptMemory::block; end <= text.size(); end += PromptMemory::block) {
    const auto bytes = std::as_bytes(std::span(text.substr(end - PromptMemory::block, PromptMemory::block)));
    chain = (chain ^ checksum(bytes)) * 0x9E3779B97F4A7C15ULL + end;
    hashes.push_back(chain);
  }
  return hashes;
}

std::size_t common_bytes(std::string_view a, std::string_view b) {
  const std::string_view shorter = a.substr(0, std::min(a.size(), b.size()));
  return static_cast<std::size_t>(std::mismatch(shorter.begin(), shorter.end(), b.begin()).first - shorter.begin());
}

/// First byte of which one list says literal and the other does not; `end` if there is none before it.
std::size_t common_literal(std::span<const LiteralRange> a, std::span<const LiteralRange> b, std::size_t end) {
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    if (i >= a.size()) return std::min(end, b[i].begin);
    if (i >= b.size()) return std::min(end, a[i].begin);
    if (a[i].begin != b[i].begin) return std::min({end, a[i].begin, b[i].begin});
    if (a[i].end != b[i].end) return std::min({end, a[i].end, b[i].end});
  }
  return end;
}

}  // namespace

PromptMemory::Found PromptMemory::find(std::string_view text, std::span<const LiteralRange> literal) {
  const auto hashes = prefix_hashes(text);
  Found found;
  {
    const std::lock_guard lock(mutex_);
    for (auto hash = hashes.rbegin(); hash != hashes.rend(); ++hash) {
      const auto known = by_hash_.find(*hash);
      if (known == by_hash_.end()) continue;
      entries_.splice(entries_.begin(), entries_, known->second);
      found.prompt = known->second->prompt;
      break;
    }
  }
  if (found.prompt)
    found.common = common_literal(found.prompt->literal, literal, common_bytes(found.prompt->text, text));
  return found;
}

void PromptMemory::keep(EncodedPrompt prompt) {
  Entry entry;
  entry.hashes = prefix_hashes(prompt.text);
  entry.bytes = prompt.text.size() + prompt.ids.size() * sizeof(TokenId) +
                prompt.checkpoints.size() * sizeof(EncodingMark) + prompt.literal.size() * sizeof(LiteralRange) +
                entry.hashes.size() * 64;
  if (entry.bytes > most_bytes_ / 4) return;  // one prompt does not push out all others
  entry.prompt = std::make_shared<const EncodedPrompt>(std::move(prompt));
  const std::lock_guard lock(mutex_);
  bytes_ += entry.bytes;
  entries_.push_front(std::move(entry));
  for (const std::uint64_t hash : entries_.front().hashes) by_hash_[hash] = entries_.begin();
  while (bytes_ > most_bytes_) drop_last();
}

void PromptMemory::drop_last() {
  const auto last = std::prev(entries_.end());
  for (const std::uint64_t hash : last->hashes) {
    const auto known = by_hash_.find(hash);
    if (known != by_hash_.end() && known->second == last) by_hash_.erase(known);
  }
  bytes_ -= last->bytes;
  entries_.pop_back();
}

}  // namespace clawrl
