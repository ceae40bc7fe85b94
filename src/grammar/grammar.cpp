#include "grammar/grammar.hpp"

#include <algorithm>

#include "core/error.hpp"

namespace clawrl::grammar {

int Grammar::add_rule(std::string name) {
  rules_.push_back({std::move(name), new_node()});
  return static_cast<int>(rules_.size()) - 1;
}

Symbol Grammar::add_tag(const std::string& text) {
  const auto found = std::find(tags_.begin(), tags_.end(), text);
  const auto index = static_cast<std::size_t>(found - tags_.begin());
  if (found == tags_.end()) tags_.push_back(text);
  return static_cast<Symbol>(first_tag + index);
}

int Grammar::new_node() {
  require(nodes_.size() < max_nodes,
          "the constraint is too large: its grammar would have more than " + std::to_string(max_nodes) + " nodes");
  nodes_.emplace_back();
  return static_cast<int>(nodes_.size()) - 1;
}

void Grammar::define(int rule, const Expression& expression) {
  const int end = emit(expression, start(rule));
  nodes_[static_cast<std::size_t>(end)].final = true;
}

/// Returns the node behind the expression.
int Grammar::emit(const Expression& expression, int from) {
  using Kind = Expression::Kind;
  switch (expression.kind) {
    case Kind::symbols: {
      const int to = new_node();
      for (const auto& [low, high] : expression.ranges)
        nodes_[static_cast<std::size_t>(from)].edges.push_back({low, high, -1, to});
      return to;
    }
    case Kind::call: {
      const int to = new_node();
      nodes_[static_cast<std::size_t>(from)].edges.push_back({0, 0, expression.rule, to});
      return to;
    }
    case Kind::sequence:
      for (const auto& part : expression.parts) from = emit(part, from);
      return from;
    case Kind::choice:
      return emit_choice(expression, from);
    case Kind::repeat:
      return emit_repeat(expression, from);
  }
  return from;
}

int Grammar::emit_choice(const Expression& expression, int from) {
  const int to = new_node();
  for (const auto& part : expression.parts) {
    const int begin = new_node();
    nodes_[static_cast<std::size_t>(from)].free_moves.push_back(begin);
    const int end = emit(part, begin);
    nodes_[static_cast<std::size_t>(end)].free_moves.push_back(to);
  }
  return to;
}

int Grammar::emit_repeat(const Expression& expression, int from) {
  const Expression& part = expression.parts.front();
  for (int i = 0; i < expression.minimum; ++i) from = emit(part, from);
  if (expression.maximum == unlimited) {
    const int loop = new_node();
    nodes_[static_cast<std::size_t>(from)].free_moves.push_back(loop);
    const int end = emit(part, loop);
    nodes_[static_cast<std::size_t>(end)].free_moves.push_back(loop);
    const int out = new_node();  // what follows must not be read into the loop's own node
    nodes_[static_cast<std::size_t>(loop)].free_moves.push_back(out);
    return out;
  }
  const int out = new_node();
  for (int i = expression.minimum; i < expression.maximum; ++i) {
    nodes_[static_cast<std::size_t>(from)].free_moves.push_back(out);
    const int begin = new_node();
    nodes_[static_cast<std::size_t>(from)].free_moves.push_back(begin);
    from = emit(part, begin);
  }
  nodes_[static_cast<std::size_t>(from)].free_moves.push_back(out);
  return out;
}

/// Backwards from the final nodes; a call counts once its rule is known to have a text. Linear in nodes and edges.
std::vector<bool> Grammar::nodes_that_can_end() const {
  struct Reader {
    int node, target;
  };
  std::vector<std::vector<int>> before(nodes_.size());
  std::vector<std::vector<Reader>> callers(rules_.size());
  std::vector<int> rule_of_start(nodes_.size(), -1);
  for (std::size_t r = 0; r < rules_.size(); ++r)
    rule_of_start[static_cast<std::size_t>(rules_[r].start)] = static_cast<int>(r);
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    for (const int next : nodes_[n].free_moves) before[static_cast<std::size_t>(next)].push_back(static_cast<int>(n));
    for (const auto& edge : nodes_[n].edges) {
      if (edge.rule < 0)
        before[static_cast<std::size_t>(edge.target)].push_back(static_cast<int>(n));
      else
        callers[static_cast<std::size_t>(edge.rule)].push_back({static_cast<int>(n), edge.target});
    }
  }
  std::vector<bool> can(nodes_.size());
  std::vector<int> work;
  const auto mark = [&](int node) {
    if (can[static_cast<std::size_t>(node)]) return;
    can[static_cast<std::size_t>(node)] = true;
    work.push_back(node);
  };
  for (std::size_t n = 0; n < nodes_.size(); ++n)
    if (nodes_[n].final) mark(static_cast<int>(n));
  while (!work.empty()) {
    const int node = work.back();
    work.pop_back();
    for (const int from : before[static_cast<std::size_t>(node)]) mark(from);
    const int rule = rule_of_start[static_cast<std::size_t>(node)];
    if (rule < 0) continue;
    for (const auto& caller : callers[static_cast<std::size_t>(rule)]) {
      if (can[static_cast<std::size_t>(caller.target)])
        mark(caller.node);
      else
        before[static_cast<std::size_t>(caller.target)].push_back(caller.node);
    }
  }
  return can;
}

/// Which rules can end without having read anything: the least fixed point.
std::vector<bool> Grammar::rules_without_text() const {
  std::vector<bool> empty(rules_.size());
  std::vector<std::uint32_t> seen(nodes_.size());
  std::uint32_t pass = 0;
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t r = 0; r < rules_.size(); ++r) {
      if (empty[r]) continue;
      ++pass;
      std::vector<int> work = {rules_[r].start};
      while (!work.empty() && !empty[r]) {
        const auto n = static_cast<std::size_t>(work.back());
        work.pop_back();
        if (seen[n] == pass) continue;
        seen[n] = pass;
        if (nodes_[n].final) empty[r] = changed = true;
        work.insert(work.end(), nodes_[n].free_moves.begin(), nodes_[n].free_moves.end());
        for (const auto& edge : nodes_[n].edges)
          if (edge.rule >= 0 && empty[static_cast<std::size_t>(edge.rule)]) work.push_back(edge.target);
      }
    }
  }
  return empty;
}

void Grammar::refuse_left_recursion() const {
  const auto empty = rules_without_text();
  std::vector<std::vector<int>> first(rules_.size());  // rules that may be called before anything is read
  std::vector<std::uint32_t> seen(nodes_.size());
  for (std::size_t r = 0; r < rules_.size(); ++r) {
    std::vector<int> work = {rules_[r].start};
    while (!work.empty()) {
      const auto n = static_cast<std::size_t>(work.back());
      work.pop_back();
      if (seen[n] == r + 1) continue;
      seen[n] = static_cast<std::uint32_t>(r + 1);
      work.insert(work.end(), nodes_[n].free_moves.begin(), nodes_[n].free_moves.end());
      for (const auto& edge : nodes_[n].edges) {
        if (edge.rule < 0) continue;
        first[r].push_back(edge.rule);
        if (empty[static_cast<std::size_t>(edge.rule)]) work.push_back(edge.target);
      }
    }
  }
  std::vector<int> waiting(rules_.size());  // rules are taken away while nothing calls them first
  for (const auto& called : first)
    for (const int rule : called) ++waiting[static_cast<std::size_t>(rule)];
  std::vector<int> work;
  for (std::size_t r = 0; r < rules_.size(); ++r)
    if (waiting[r] == 0) work.push_back(static_cast<int>(r));
  for (std::size_t i = 0; i < work.size(); ++i)
    for (const int rule : first[static_cast<std::size_t>(work[i])])
      if (--waiting[static_cast<std::size_t>(rule)] == 0) work.push_back(rule);
  for (std::size_t r = 0; r < rules_.size(); ++r)
    require(waiting[r] == 0, rules_[r].name + ": it refers to itself with nothing in between");
}

void Grammar::finish(int root) {
  root_ = root;
  const auto can = nodes_that_can_end();
  require(can[static_cast<std::size_t>(start(root))], "the constraint is unsatisfiable: no finite text meets it");
  const auto cannot = [&](int node) { return !can[static_cast<std::size_t>(node)]; };
  for (auto& node : nodes_) {
    std::erase_if(node.free_moves, cannot);
    std::erase_if(node.edges, [&](const Edge& edge) {
      return cannot(edge.target) || (edge.rule >= 0 && cannot(start(edge.rule)));
    });
  }
  refuse_left_recursion();
  find_classes();
}

void Grammar::find_classes() {
  std::vector<bool> begins(first_tag + tags_.size() + 1);
  for (std::size_t tag = 0; tag <= tags_.size(); ++tag) begins[first_tag + tag] = true;
  for (const auto& node : nodes_) {
    for (const auto& edge : node.edges) {
      if (edge.rule >= 0) continue;
      begins[edge.low] = true;
      begins[edge.high + std::size_t{1}] = true;
    }
  }
  classes_.clear();
  class_count_ = 1;
  for (std::size_t symbol = 0; symbol < first_tag + tags_.size(); ++symbol) {
    if (symbol > 0 && begins[symbol]) ++class_count_;
    classes_.push_back(static_cast<std::uint16_t>(class_count_ - 1));
  }
}

}  // namespace clawrl::grammar
