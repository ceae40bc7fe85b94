#include "grammar/automaton.hpp"

#include <algorithm>

namespace clawrl::grammar {

std::size_t Automaton::SetHash::operator()(const Set& set) const {
  std::size_t hash = set.accepting * 2U + set.escapes;
  for (const Stack stack : set.stacks) hash = (hash ^ static_cast<std::size_t>(stack)) * 0x9E3779B97F4A7C15ULL;
  return hash ^ (hash >> 29U);
}

Automaton::Automaton(std::shared_ptr<const Grammar> grammar)
    : grammar_(std::move(grammar)),
      classes_(static_cast<std::size_t>(grammar_->class_count())),
      reach_(grammar_->size()) {
  clear();
}

void Automaton::clear() {
  frames_ = {{-1, -1}, {-1, -1}};
  seen_.assign(2, 0);
  stack_numbers_.clear();
  sets_.clear();
  set_numbers_.clear();
  next_.clear();
  resumed_.clear();
  set_bytes_ = 0;
  start_ = -1;
  intern({});  // dead
}

std::size_t Automaton::bytes() const {
  return frames_.size() * 48 + next_.size() * sizeof(State) + sets_.size() * 128 + set_bytes_ + resumed_.size() * 32;
}

const std::vector<std::int32_t>& Automaton::reach(int node) {
  auto& found = reach_[static_cast<std::size_t>(node)];
  if (!found.empty()) return found;
  std::vector<std::int32_t> work = {node}, visited;
  while (!work.empty()) {
    const int at = work.back();
    work.pop_back();
    if (std::find(visited.begin(), visited.end(), at) != visited.end()) continue;
    visited.push_back(at);
    const Node& here = grammar_->node(at);
    if (here.final || !here.edges.empty()) found.push_back(at);
    work.insert(work.end(), here.free_moves.begin(), here.free_moves.end());
  }
  return found;
}

bool Automaton::only_ends(int node) {
  const auto& nodes = reach(node);
  return nodes.size() == 1 && grammar_->node(nodes[0]).edges.empty();
}

Automaton::Stack Automaton::stack(int node, Stack below) {
  const auto key =
      static_cast<std::uint64_t>(static_cast<std::uint32_t>(node)) << 32U | static_cast<std::uint32_t>(below);
  const auto [at, fresh] = stack_numbers_.try_emplace(key, static_cast<Stack>(frames_.size()));
  if (fresh) {
    frames_.push_back({node, below});
    seen_.push_back(0);
  }
  return at->second;
}

void Automaton::begin_set() {
  if (++pass_ == 0) {
    std::fill(seen_.begin(), seen_.end(), 0);
    pass_ = 1;
  }
}

/// Adds all that can be read next from `first`: into called rules, and out of rules that end.
void Automaton::expand(Stack first, Set& set) {
  std::vector<Stack> work = {first};
  std::size_t visits = 0;
  while (!work.empty() && set.stacks.size() < max_ways && ++visits < 16 * max_ways) {
    const Stack top = work.back();
    work.pop_back();
    if (top == bottom) set.accepting = true;
    if (top == unknown) set.escapes = true;
    if (top <= unknown || seen_[static_cast<std::size_t>(top)] == pass_) continue;
    seen_[static_cast<std::size_t>(top)] = pass_;
    const Frame frame = frames_[static_cast<std::size_t>(top)];
    for (const int node : reach(frame.node)) {
      const Node& here = grammar_->node(node);
      if (here.final) work.push_back(frame.below);
      bool reads = false;
      for (const auto& edge : here.edges) {
        reads |= edge.rule < 0;
        if (edge.rule < 0) continue;
        const Stack back = only_ends(edge.target) ? frame.below : stack(edge.target, frame.below);
        work.push_back(stack(grammar_->start(edge.rule), back));
      }
      if (reads) set.stacks.push_back(stack(node, frame.below));
    }
  }
}

Automaton::State Automaton::intern(Set set) {
  std::sort(set.stacks.begin(), set.stacks.end());
  set.stacks.erase(std::unique(set.stacks.begin(), set.stacks.end()), set.stacks.end());
  const auto [at, fresh] = set_numbers_.try_emplace(set, static_cast<State>(sets_.size()));
  if (fresh) {
    set_bytes_ += 2 * set.stacks.size() * sizeof(Stack);
    sets_.push_back(std::move(set));
    next_.resize(next_.size() + classes_, at->second == dead ? dead : -1);
  }
  return at->second;
}

Automaton::State Automaton::start() {
  if (start_ >= 0) return start_;
  Set set;
  begin_set();
  expand(stack(grammar_->start(grammar_->root()), bottom), set);
  return start_ = intern(std::move(set));
}

Automaton::State Automaton::local(int node) {
  Set set;
  set.stacks = {stack(node, unknown)};
  return intern(std::move(set));
}

Automaton::State Automaton::resumed(Stack top) {
  if (const auto known = resumed_.find(top); known != resumed_.end()) return known->second;
  Set set;
  begin_set();
  expand(top, set);
  const State state = intern(std::move(set));
  resumed_.emplace(top, state);
  return state;
}

Automaton::State Automaton::compute(State state, Symbol symbol, std::size_t cell) {
  const std::vector<Stack> from = stacks(state);
  Set set;
  begin_set();
  for (const Stack top : from) {
    const Frame frame = frames_[static_cast<std::size_t>(top)];
    for (const auto& edge : grammar_->node(frame.node).edges)
      if (edge.rule < 0 && edge.low <= symbol && symbol <= edge.high) expand(stack(edge.target, frame.below), set);
  }
  const State to = intern(std::move(set));
  next_[cell] = to;
  return to;
}

}  // namespace clawrl::grammar
