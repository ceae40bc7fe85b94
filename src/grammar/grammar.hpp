#pragma once
// Rules of symbols as a recursive transition network: what a pushdown automaton runs on.

#include <cstdint>
#include <string>
#include <vector>

#include "grammar/expression.hpp"

namespace clawrl::grammar {

/// Reads one of [low, high], or a whole text of `rule` (>= 0), then stands at `target`.
struct Edge {
  Symbol low = 0, high = 0;
  std::int32_t rule = -1;
  std::int32_t target = 0;
};

struct Node {
  std::vector<Edge> edges;
  std::vector<std::int32_t> free_moves;  // nodes reached without reading
  bool final = false;                    // the rule may end here
};

/// Build: add_rule() and define() every rule, then finish() once; immutable afterwards. All members throw UserError
/// beyond max_nodes.
class Grammar {
 public:
  static constexpr std::size_t max_nodes = 400000;

  /// `name` is said in errors.
  int add_rule(std::string name);
  /// Each rule once.
  void define(int rule, const Expression& expression);
  /// The tag's symbol. Equal texts share one.
  Symbol add_tag(const std::string& text);

  /// Drops what can never end, so that every node left can. Throws UserError when `root` has no finite text, or when a
  /// rule can call itself before anything is read.
  void finish(int root);

  int root() const { return root_; }
  const Node& node(int index) const { return nodes_[static_cast<std::size_t>(index)]; }
  int start(int rule) const { return rules_[static_cast<std::size_t>(rule)].start; }
  const std::vector<std::string>& tags() const { return tags_; }
  std::size_t size() const { return nodes_.size(); }
  /// Symbols of one class behave the same in every node. [256 + tags]
  const std::vector<std::uint16_t>& classes() const { return classes_; }
  int class_count() const { return class_count_; }

 private:
  struct Rule {
    std::string name;
    int start = -1;
  };
  int new_node();
  int emit(const Expression& expression, int from);
  int emit_choice(const Expression& expression, int from);
  int emit_repeat(const Expression& expression, int from);
  std::vector<bool> nodes_that_can_end() const;
  std::vector<bool> rules_without_text() const;
  void refuse_left_recursion() const;
  void find_classes();

  std::vector<Rule> rules_;
  std::vector<Node> nodes_;
  std::vector<std::string> tags_;
  std::vector<std::uint16_t> classes_;
  int class_count_ = 0;
  int root_ = -1;
};

}  // namespace clawrl::grammar
