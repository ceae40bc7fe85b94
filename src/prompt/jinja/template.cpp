#include "prompt/jinja/template.hpp"

#include "core/error.hpp"
#include "prompt/jinja/interpreter.hpp"
#include "prompt/jinja/parser.hpp"
#include "prompt/jinja/source_error.hpp"
#include "prompt/utf8.hpp"

namespace clawrl::jinja {

Template::Template(const std::string& source, std::string name, const Limits& limits)
    : name_(std::move(name)), limits_(limits) {
  require(is_valid_utf8(source), name_ + ": is not valid UTF-8");
  try {
    program_ = std::make_shared<const Program>(parse(source, limits_));
  } catch (const SourceError& error) {
    throw UserError(name_ + ": " + error.what());
  }
}

Text Template::render(const Variables& variables, double now_s) const {
  Interpreter interpreter(limits_, now_s);
  for (const auto& [name, value] : variables) {
    const auto symbol = program_->symbols.find(name);
    if (symbol != program_->symbols.end()) interpreter.set(&*symbol, value);
  }
  try {
    const auto loop = program_->symbols.find("loop");
    if (loop != program_->symbols.end()) interpreter.name_loop(&*loop);
    return interpreter.run(program_->body);
  } catch (const Refusal& refusal) {
    throw UserError(refusal.what());
  } catch (const Problem& problem) {
    throw UserError(name_ + ": " + SourceError(interpreter.where(), problem.what()).what());
  }
}

}  // namespace clawrl::jinja
