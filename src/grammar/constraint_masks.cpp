#include "grammar/constraint_masks.hpp"

#include <algorithm>
#include <bit>

namespace clawrl::grammar {
namespace {

void set_bit(std::vector<std::uint64_t>& bits, TokenId id) {
  bits[static_cast<std::size_t>(id) / 64] |= std::uint64_t{1} << (static_cast<unsigned>(id) % 64U);
}

void clear_bit(std::vector<std::uint64_t>& bits, TokenId id) {
  bits[static_cast<std::size_t>(id) / 64] &= ~(std::uint64_t{1} << (static_cast<unsigned>(id) % 64U));
}

}  // namespace

ConstraintMasks::ConstraintMasks(std::shared_ptr<const Grammar> grammar, std::shared_ptr<const TokenTrie> trie,
                                 std::vector<TokenId> stop_tokens)
    : automaton_(std::move(grammar)),
      trie_(std::move(trie)),
      stop_tokens_(std::move(stop_tokens)),
      path_(trie_->depth() + std::size_t{1}) {
  std::erase_if(stop_tokens_, [&](TokenId id) { return id < 0 || id >= trie_->vocabulary(); });
  const auto& tags = automaton_.grammar().tags();
  for (std::size_t i = 0; i < tags.size(); ++i)
    if (const auto found = trie_->tags().find(tags[i]); found != trie_->tags().end())
      tags_.emplace(found->second, static_cast<Symbol>(first_tag + i));
}

Automaton::State ConstraintMasks::step(Automaton::State state, TokenId token) {
  if (std::find(stop_tokens_.begin(), stop_tokens_.end(), token) != stop_tokens_.end())
    return may_end(state) ? state : Automaton::dead;
  if (const auto tag = tags_.find(token); tag != tags_.end()) return automaton_.step(state, tag->second);
  const auto bytes = trie_->bytes_of(token);
  if (bytes.empty()) return Automaton::dead;
  for (const char byte : bytes) state = automaton_.step(state, static_cast<unsigned char>(byte));
  return state;
}

/// Calls visit(node, state) for every trie node of [begin, end) that can be read from `from`, which stands before the
/// node `begin`.
template <class Visit>
void ConstraintMasks::walk(std::uint32_t begin, std::uint32_t end, Automaton::State from, const Visit& visit) {
  if (begin >= end) return;
  const auto nodes = trie_->nodes();
  const std::size_t base = nodes[begin].depth - std::size_t{1};
  path_[base] = from;
  for (std::uint32_t n = begin; n < end;) {
    const auto& node = nodes[n];
    const auto state = automaton_.step(path_[node.depth - std::size_t{1}], node.byte);
    if (state == Automaton::dead) {
      n = node.end;
      continue;
    }
    path_[node.depth] = state;
    visit(n, state);
    ++n;
  }
}

const ConstraintMasks::Local& ConstraintMasks::local(int node) {
  const auto [at, fresh] = locals_.try_emplace(node);
  Local& found = at->second;
  if (!fresh) return found;
  walk(0, trie_->size(), automaton_.local(node), [&](std::uint32_t n, Automaton::State state) {
    for (const TokenId id : trie_->tokens_at(n)) found.ids.push_back(id);
    if (automaton_.escapes(state)) found.escapes.push_back(n);
  });
  if (found.ids.size() * 16 > static_cast<std::size_t>(trie_->vocabulary())) {
    found.bits.resize(static_cast<std::size_t>(trie_->vocabulary() + 63) / 64);
    for (const TokenId id : found.ids) set_bit(found.bits, id);
    found.ids = {};
  }
  mask_bytes_ += 128 + found.bits.size() * 8 + found.ids.size() * 4 + found.escapes.size() * 4;
  return found;
}

void ConstraintMasks::add_tags(Automaton::State state, Bits& bits) {
  for (const auto& [id, symbol] : tags_)
    if (automaton_.step(state, symbol) != Automaton::dead) set_bit(bits, id);
}

std::shared_ptr<const IdRuns> ConstraintMasks::allowed(Automaton::State state) {
  if (const auto known = masks_.find(state); known != masks_.end()) return known->second;
  Bits bits(static_cast<std::size_t>(trie_->vocabulary() + 63) / 64);
  const std::vector<Automaton::Stack> stacks = automaton_.stacks(state);
  for (const auto stack : stacks) {
    const Local& own = local(automaton_.node_of(stack));
    for (std::size_t i = 0; i < own.bits.size(); ++i) bits[i] |= own.bits[i];
    for (const TokenId id : own.ids) set_bit(bits, id);
    if (own.escapes.empty() || automaton_.below(stack) == Automaton::bottom) continue;
    const auto resumed = automaton_.resumed(automaton_.below(stack));
    for (const std::uint32_t n : own.escapes) {
      walk(n + 1, trie_->nodes()[n].end, resumed, [&](std::uint32_t at, Automaton::State) {
        for (const TokenId id : trie_->tokens_at(at)) set_bit(bits, id);
      });
    }
  }
  add_tags(state, bits);
  for (const TokenId id : stop_tokens_) may_end(state) ? set_bit(bits, id) : clear_bit(bits, id);
  auto mask = shared(runs(bits));
  mask_bytes_ += 64;
  masks_.emplace(state, mask);
  return mask;
}

IdRuns ConstraintMasks::runs(const Bits& bits) const {
  IdRuns result;
  const auto limit = static_cast<std::size_t>(trie_->vocabulary());
  bool inside = false;
  for (std::size_t word = 0; word < bits.size(); ++word) {
    std::uint64_t changes =
        bits[word] ^ ((bits[word] << 1U) | (inside ? 1U : 0U));  // ids that differ from the one before
    for (; changes != 0; changes &= changes - 1)
      result.push_back(static_cast<TokenId>(word * 64 + static_cast<unsigned>(std::countr_zero(changes))));
    inside = (bits[word] >> 63U) != 0;
  }
  if (inside) result.push_back(static_cast<TokenId>(limit));
  return result;
}

std::shared_ptr<const IdRuns> ConstraintMasks::shared(IdRuns runs) {
  std::uint64_t hash = runs.size();
  for (const TokenId id : runs)
    hash = (hash ^ static_cast<std::uint64_t>(id)) * 0x9E3779B97F4A7C15ULL, hash ^= hash >> 31U;
  const auto [begin, end] = distinct_.equal_range(hash);
  for (auto at = begin; at != end; ++at)
    if (*at->second == runs) return at->second;
  mask_bytes_ += runs.size() * sizeof(TokenId) + 96;
  auto made = std::make_shared<const IdRuns>(std::move(runs));
  distinct_.emplace(hash, made);
  return made;
}

void ConstraintMasks::trim() {
  if (bytes() <= memory_limit) return;
  automaton_.clear();
  locals_.clear();
  masks_.clear();
  distinct_.clear();
  mask_bytes_ = 0;
  ++epoch_;
}

}  // namespace clawrl::grammar
