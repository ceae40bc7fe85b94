#pragma once
// A Jinja template: the subset that published chat templates use, rendered as Hugging Face renders it (trim_blocks and
// lstrip_blocks on, a sandbox in which nothing given to the template can be changed).

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "prompt/jinja/limits.hpp"
#include "prompt/jinja/text.hpp"
#include "prompt/jinja/value.hpp"

namespace clawrl::jinja {

struct Program;

/// Immutable; copies share everything; render() may be called by many threads at once.
class Template {
 public:
  /// `name` stands before the place in messages. Throws UserError "<name>: line L, column C: ..." for broken syntax and
  /// for every tag, filter, test or function that does not exist.
  Template(const std::string& source, std::string name, const Limits& limits = {});

  using Variables = std::vector<std::pair<std::string, Value>>;

  /// A later variable of the same name wins. `now_s`: Unix time for strftime_now(). Throws UserError: with the
  /// template's own words for raise_exception(), else with name, line and column.
  Text render(const Variables& variables, double now_s) const;

 private:
  std::shared_ptr<const Program> program_;
  std::string name_;
  Limits limits_;
};

}  // namespace clawrl::jinja
