#pragma once
// Which tokens may come next, for one constraint and one vocabulary.

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/token_mask.hpp"
#include "grammar/automaton.hpp"
#include "grammar/token_trie.hpp"

namespace clawrl::grammar {

/// What a node of the grammar lets through does mostly not depend on the stack below it: that part is found by one walk
/// of the trie per node and remembered. The few tokens that go on beyond the end of the node's rule are walked for each
/// stack. Masks are remembered by state, and equal ones are one object. One thread at a time.
class ConstraintMasks {
 public:
  static constexpr std::size_t memory_limit = std::size_t{48}
                                              << 20U;  // bytes of what is remembered, then it is forgotten

  /// stop_tokens: allowed when the reply may end, and never before.
  ConstraintMasks(std::shared_ptr<const Grammar> grammar, std::shared_ptr<const TokenTrie> trie,
                  std::vector<TokenId> stop_tokens);

  Automaton::State start() { return automaton_.start(); }
  /// Dead when the token is not allowed. A stop token leaves the state as it is.
  Automaton::State step(Automaton::State state, TokenId token);
  std::shared_ptr<const IdRuns> allowed(Automaton::State state);
  bool may_end(Automaton::State state) const { return automaton_.accepting(state); }
  /// Nothing but a stop token can follow.
  bool complete(Automaton::State state) const { return may_end(state) && automaton_.stacks(state).empty(); }

  /// States of another epoch mean nothing any more.
  std::uint64_t epoch() const { return epoch_; }
  /// Call between steps: forgets everything, and begins an epoch, when too much is held.
  void trim();
  std::size_t bytes() const { return automaton_.bytes() + mask_bytes_; }

 private:
  using Bits = std::vector<std::uint64_t>;
  struct Local {
    Bits bits;  // or, where few are allowed:
    std::vector<TokenId> ids;
    std::vector<std::uint32_t> escapes;  // trie nodes after which the rule may have ended
  };
  const Local& local(int node);
  template <class Visit>
  void walk(std::uint32_t begin, std::uint32_t end, Automaton::State from, const Visit& visit);
  void add_tags(Automaton::State state, Bits& bits);
  IdRuns runs(const Bits& bits) const;
  std::shared_ptr<const IdRuns> shared(IdRuns runs);

  Automaton automaton_;
  std::shared_ptr<const TokenTrie> trie_;
  std::vector<TokenId> stop_tokens_;
  std::unordered_map<TokenId, Symbol> tags_;
  std::unordered_map<int, Local> locals_;
  std::unordered_map<Automaton::State, std::shared_ptr<const IdRuns>> masks_;
  std::unordered_multimap<std::uint64_t, std::shared_ptr<const IdRuns>> distinct_;
  std::vector<Automaton::State> path_;  // states along the walk, by depth
  std::size_t mask_bytes_ = 0;
  std::uint64_t epoch_ = 1;
};

}  // namespace clawrl::grammar
