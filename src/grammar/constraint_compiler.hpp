#pragma once
// Constraints of requests -> matchers that say, token by token, what may come next.

#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/generation.hpp"
#include "core/token_mask.hpp"
#include "prompt/reply_format.hpp"
#include "prompt/tokenizer.hpp"

namespace clawrl {

namespace grammar {
class ConstraintMasks;
class TokenTrie;
}  // namespace grammar

/// One reply under a constraint. Movable; keeps alive what it needs. On the compiler's thread.
class ConstraintMatcher {
 public:
  explicit ConstraintMatcher(std::shared_ptr<grammar::ConstraintMasks> masks);

  /// Ids that may come next; empty only when complete() and there is no stop token. Equal sets of one constraint are
  /// one object as long as somebody holds it.
  std::shared_ptr<const IdRuns> allowed();
  /// Goes on by one token. False, and nothing changes, when it is not allowed.
  bool accept(TokenId token);
  /// The text may end here.
  bool may_end();
  /// Nothing but a stop token may follow.
  bool complete();

 private:
  std::int32_t state();
  std::shared_ptr<grammar::ConstraintMasks> masks_;
  std::vector<TokenId> accepted_;  // the way here, to be gone again when `masks_` has forgotten its states
  std::int32_t state_ = 0;
  std::uint64_t epoch_ = 0;
};

/// Compiles once per constraint and keeps the most recently used ones, by count and by memory. One per engine: all
/// calls and all its matchers on one thread.
class ConstraintCompiler {
 public:
  static constexpr std::size_t max_kept = 64;
  static constexpr std::size_t max_bytes = std::size_t{256} << 20U;

  /// `vocabulary`: rows of the model's logits; ids beyond are never allowed.
  ConstraintCompiler(Tokenizer tokenizer, std::int64_t vocabulary, const ReplyFormat& format);

  /// `prompt` tells whether the reply begins inside a think block. stop_tokens: those of the request. Throws UserError
  /// for a constraint that does not compile.
  ConstraintMatcher match(const Constraint& constraint, std::span<const TokenId> prompt,
                          std::vector<TokenId> stop_tokens);

 private:
  struct Kept {
    std::string key;
    std::shared_ptr<grammar::ConstraintMasks> masks;
  };
  void make_room();

  Tokenizer tokenizer_;
  std::int64_t vocabulary_;
  ReplyFormat format_;
  std::shared_ptr<const grammar::TokenTrie> trie_;  // built for the first constraint
  std::list<Kept> kept_;                            // most recently used first
  std::unordered_map<std::string, std::list<Kept>::iterator> index_;
};

}  // namespace clawrl
