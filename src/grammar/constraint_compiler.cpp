#include "grammar/constraint_compiler.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "grammar/constraint_grammar.hpp"
#include "grammar/constraint_masks.hpp"

namespace clawrl {
namespace {

constexpr std::size_t prompt_tail = 16;  // tokens: more than <think> and some line breaks

grammar::Thinking thinking(const Tokenizer& tokenizer, const ReplyFormat& format, std::span<const TokenId> prompt) {
  if (!format.reasoning) return grammar::Thinking::none;
  const auto tail = tokenizer.decode(prompt.last(std::min(prompt.size(), prompt_tail)), false);
  if (opens_think(tail)) return grammar::Thinking::open;
  const auto last = tail.find_last_not_of(" \n\t\r");
  const bool closed = last != std::string::npos && tail.substr(0, last + 1).ends_with("</think>");
  return closed ? grammar::Thinking::none : grammar::Thinking::may;
}

std::string key_of(const Constraint& constraint, grammar::Thinking thinking, const std::vector<TokenId>& stop_tokens) {
  std::string key =
      std::to_string(static_cast<int>(constraint.kind)) + "/" + std::to_string(static_cast<int>(thinking));
  for (const TokenId id : stop_tokens) key += "/" + std::to_string(id);
  key += "/" + std::to_string(constraint.tool.size()) + "/" + constraint.tool + "/" + constraint.schema;
  return key;
}

}  // namespace

ConstraintMatcher::ConstraintMatcher(std::shared_ptr<grammar::ConstraintMasks> masks) : masks_(std::move(masks)) {}

std::int32_t ConstraintMatcher::state() {
  if (epoch_ == masks_->epoch()) return state_;
  epoch_ = masks_->epoch();
  state_ = masks_->start();
  for (const TokenId token : accepted_) state_ = masks_->step(state_, token);
  return state_;
}

std::shared_ptr<const IdRuns> ConstraintMatcher::allowed() {
  masks_->trim();
  return masks_->allowed(state());
}

bool ConstraintMatcher::accept(TokenId token) {
  const auto next = masks_->step(state(), token);
  if (next == grammar::Automaton::dead) return false;
  state_ = next;
  accepted_.push_back(token);
  return true;
}

bool ConstraintMatcher::may_end() {
  return masks_->may_end(state());
}

bool ConstraintMatcher::complete() {
  return masks_->complete(state());
}

ConstraintCompiler::ConstraintCompiler(Tokenizer tokenizer, std::int64_t vocabulary, const ReplyFormat& format)
    : tokenizer_(std::move(tokenizer)), vocabulary_(vocabulary), format_(format) {}

ConstraintMatcher ConstraintCompiler::match(const Constraint& constraint, std::span<const TokenId> prompt,
                                            std::vector<TokenId> stop_tokens) {
  expect(constraint.kind != Constraint::Kind::none, "a matcher of no constraint");
  if (!trie_) trie_ = std::make_shared<const grammar::TokenTrie>(tokenizer_, vocabulary_);
  std::sort(stop_tokens.begin(), stop_tokens.end());
  const auto thoughts = thinking(tokenizer_, format_, prompt);
  std::string key = key_of(constraint, thoughts, stop_tokens);
  if (const auto known = index_.find(key); known != index_.end()) {
    kept_.splice(kept_.begin(), kept_, known->second);
    return ConstraintMatcher(kept_.front().masks);
  }
  const auto is_token = [&](const std::string& tag) { return trie_->tags().contains(tag); };
  auto grammar = grammar::constraint_grammar(constraint, format_, thoughts, is_token);
  make_room();
  kept_.push_front(
      {key, std::make_shared<grammar::ConstraintMasks>(std::move(grammar), trie_, std::move(stop_tokens))});
  index_.emplace(std::move(key), kept_.begin());
  return ConstraintMatcher(kept_.front().masks);
}

void ConstraintCompiler::make_room() {
  std::size_t bytes = 0;
  for (const auto& kept : kept_) bytes += kept.masks->bytes() + kept.key.size();
  while (!kept_.empty() && (kept_.size() >= max_kept || bytes > max_bytes)) {
    bytes -= kept_.back().masks->bytes() + kept_.back().key.size();
    index_.erase(kept_.back().key);
    kept_.pop_back();
  }
}

}  // namespace clawrl
