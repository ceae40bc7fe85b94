#pragma once
// What a template may cost. A template comes with a downloaded model and is not trusted.

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace clawrl::jinja {

struct Limits {
  std::size_t source_bytes = 1 << 20;     // of the template's text
  int parse_depth = 200;                  // height of an expression or of nested blocks
  int evaluation_depth = 500;             // of expressions, blocks and macros in each other while rendering
  int value_depth = 100;                  // of lists in lists
  std::size_t value_nodes = 4'000'000;    // of everything in one list, what is in it twice counted twice
  std::int64_t steps = 20'000'000;        // expressions and statements evaluated
  std::int64_t iterations = 2'000'000;    // of all loops together
  std::size_t output_bytes = 64U << 20;   // of the rendered text
  std::size_t string_bytes = 64U << 20;   // of one string
  std::size_t list_items = 1'000'000;     // of one list
  std::size_t memory_bytes = 512U << 20;  // of all values ever made in one rendering
};

/// What goes wrong in a template; whoever knows the place adds line and column.
struct Problem : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Counts what a rendering has used; throws Problem with the name of the limit.
class Budget {
 public:
  explicit Budget(const Limits& limits) : limits_(limits) {}
  const Limits& limits() const { return limits_; }

  void step(std::int64_t count = 1) { use(steps_, count, limits_.steps, "steps"); }
  void iteration() { use(iterations_, std::int64_t{1}, limits_.iterations, "iterations"); }
  void output(std::size_t size) { check(size, limits_.output_bytes, "output_bytes"); }
  void string(std::size_t bytes) {
    check(bytes, limits_.string_bytes, "string_bytes");
    use(memory_, bytes + 64, limits_.memory_bytes, "memory_bytes");
  }
  void list(std::size_t items) {
    check(items, limits_.list_items, "list_items");
    use(memory_, items * 32, limits_.memory_bytes, "memory_bytes");
  }
  /// Work on text that makes nothing, e.g. a search: 64 bytes count as a step.
  void scan(std::size_t bytes) { step(static_cast<std::int64_t>(bytes / 64)); }
  /// A search for `part`, at worst: every place of the text is compared with all of it.
  void search(std::size_t text, std::size_t part) { scan(text * part); }

 private:
  template <class T>
  static void check(T value, T limit, const char* name) {
    if (value > limit) throw Problem(std::string("limit ") + name + " = " + std::to_string(limit) + " exceeded");
  }
  template <class T>
  static void use(T& used, T more, T limit, const char* name) {
    used += more;
    check(used, limit, name);
  }

  const Limits& limits_;
  std::int64_t steps_ = 0, iterations_ = 0;
  std::size_t memory_ = 0;
};

}  // namespace clawrl::jinja
