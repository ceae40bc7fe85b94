#pragma once
// A grammar as a pushdown automaton whose states are made when they are first reached and then remembered.

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "grammar/grammar.hpp"

namespace clawrl::grammar {

/// A stack is a node of the grammar on top of another stack (where to go on when the node's rule ends); equal stacks
/// have one number. A state is a set of stacks, since a text may be read in several ways; equal sets have one number.
/// Numbers stay valid until clear(). One thread at a time.
class Automaton {
 public:
  using State = std::int32_t;
  using Stack = std::int32_t;
  static constexpr State dead = 0;
  static constexpr Stack bottom = 0;   // the reply is complete
  static constexpr Stack unknown = 1;  // of a local state: what is below is left open
  /// Ways to read one text that are followed at once. Of more some are dropped: what is then allowed is still right.
  static constexpr std::size_t max_ways = 2048;

  explicit Automaton(std::shared_ptr<const Grammar> grammar);

  State start();
  State step(State state, Symbol symbol) {
    const auto cell = static_cast<std::size_t>(state) * classes_ + grammar_->classes()[symbol];
    const State known = next_[cell];
    return known >= 0 ? known : compute(state, symbol, cell);
  }
  /// Nothing read yet of the node's rest, with an unknown stack below.
  State local(int node);
  /// When the rules on top of `stack` have ended.
  State resumed(Stack stack);

  bool accepting(State state) const { return sets_[static_cast<std::size_t>(state)].accepting; }  // the reply may end
  bool escapes(State state) const { return sets_[static_cast<std::size_t>(state)].escapes; }  // the unknown may go on
  /// Each reads at least one more symbol.
  const std::vector<Stack>& stacks(State state) const { return sets_[static_cast<std::size_t>(state)].stacks; }
  int node_of(Stack stack) const { return frames_[static_cast<std::size_t>(stack)].node; }
  Stack below(Stack stack) const { return frames_[static_cast<std::size_t>(stack)].below; }

  std::size_t bytes() const;
  void clear();
  const Grammar& grammar() const { return *grammar_; }

 private:
  struct Frame {
    std::int32_t node = 0;
    Stack below = 0;
  };
  struct Set {
    std::vector<Stack> stacks;  // ascending
    bool accepting = false, escapes = false;
    bool operator==(const Set&) const = default;
  };
  struct SetHash {
    std::size_t operator()(const Set& set) const;
  };
  /// Nodes that are reached without reading and either read, call or end.
  const std::vector<std::int32_t>& reach(int node);
  bool only_ends(int node);
  Stack stack(int node, Stack below);
  void expand(Stack stack, Set& set);
  void begin_set();
  State intern(Set set);
  State compute(State state, Symbol symbol, std::size_t cell);

  std::shared_ptr<const Grammar> grammar_;
  std::size_t classes_;
  std::vector<std::vector<std::int32_t>> reach_;  // [nodes], empty = not made yet
  std::vector<Frame> frames_;
  std::unordered_map<std::uint64_t, Stack> stack_numbers_;
  std::vector<Set> sets_;
  std::unordered_map<Set, State, SetHash> set_numbers_;
  std::vector<State> next_;  // [states, classes], -1 = not made yet
  std::unordered_map<Stack, State> resumed_;
  std::vector<std::uint32_t> seen_;  // [frames]: pass in which a stack was expanded
  std::uint32_t pass_ = 0;
  std::size_t set_bytes_ = 0;
  State start_ = -1;
};

}  // namespace clawrl::grammar
