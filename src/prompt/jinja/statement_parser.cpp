#include <algorithm>
#include <array>

#include "prompt/jinja/builtins.hpp"
#include "prompt/jinja/expression_parser.hpp"
#include "prompt/jinja/parser.hpp"

namespace clawrl::jinja {
namespace {

using Kind = StatementKind;

class StatementParser {
 public:
  StatementParser(std::string_view source, Program& program, const Limits& limits)
      : in_(tokenize(source), program.symbols, limits) {}

  Body run() {
    Body all = body({});
    for (const auto& call : in_.calls())
      if (!find_global(*call.name) && !assigned_.contains(call.name))
        throw SourceError(call.position, "there is no function '" + *call.name + "'");
    return all;
  }

 private:
  /// Up to one of the end tags, whose name stays unread; without any up to the end of the template.
  Body body(std::initializer_list<std::string_view> ends) {
    const ExpressionParser::Nesting nesting(in_);
    Body statements;
    while (in_.now().kind != TokenKind::end) {
      if (in_.now().kind == TokenKind::block_begin &&
          std::any_of(ends.begin(), ends.end(), [&](std::string_view end) { return in_.next().is_name(end); })) {
        in_.take();
        return statements;
      }
      statements.push_back(statement());
    }
    if (ends.size() > 0) in_.fail(in_.now(), "{% " + std::string(*(ends.end() - 1)) + " %} is missing");
    return statements;
  }

  Statement statement() {
    Statement made;
    made.position = in_.now().position;
    if (in_.now().kind == TokenKind::data) {
      made.text = std::make_shared<const Text>(Text::of_template(in_.take().text));
    } else if (in_.now().kind == TokenKind::variable_begin) {
      in_.take();
      made.kind = Kind::output;
      made.expression = in_.tuple();
      if (in_.now().kind != TokenKind::variable_end) in_.unexpected("'}}'");
      in_.take();
    } else {
      in_.take();
      tag(made);
    }
    return made;
  }

  void end_tag() {
    if (in_.now().kind != TokenKind::block_end) in_.unexpected("'%}'");
    in_.take();
  }

  void tag(Statement& made) {
    using Rule = void (StatementParser::*)(Statement&);
    static const std::array<std::pair<std::string_view, Rule>, 9> rules = {
        {{"if", &StatementParser::branch},
         {"for", &StatementParser::loop},
         {"set", &StatementParser::set},
         {"macro", &StatementParser::macro},
         {"with", &StatementParser::with},
         {"generation", &StatementParser::generation},
         {"filter", &StatementParser::filter},
         {"break", &StatementParser::jump},
         {"continue", &StatementParser::jump}}};
    const Token token = in_.now();
    if (token.kind != TokenKind::name) in_.unexpected("the name of a tag");
    for (const auto& [name, rule] : rules)
      if (token.text == name) return (this->*rule)(made);
    in_.fail(token, "there is no tag '" + token.text + "' here");
  }

  void branch(Statement& made) {
    const ExpressionParser::Nesting nesting(in_);
    in_.take();
    made.kind = Kind::branch;
    made.expression = in_.tuple(false);
    end_tag();
    made.body = body({"elif", "else", "endif"});
    if (in_.now().is_name("elif")) {
      Statement other;
      other.position = in_.now().position;
      branch(other);  // reads up to the one endif
      made.other.push_back(std::move(other));
      return;
    }
    if (in_.skip_name("else")) {
      end_tag();
      made.other = body({"endif"});
    }
    in_.take();
    end_tag();
  }

  Target target(bool with_attribute) {
    Target made;
    const bool bracket = in_.skip_symbol("(");
    do {
      if (!made.names.empty() && in_.now().is_name("in")) break;
      const Token token = in_.now();
      made.names.push_back(in_.name("a name to assign to"));
      static constexpr std::array<std::string_view, 6> reserved = {"true", "false", "none", "True", "False", "None"};
      if (std::find(reserved.begin(), reserved.end(), token.text) != reserved.end())
        in_.fail(token, "'" + token.text + "' cannot be assigned to");
    } while (in_.skip_symbol(",") && (made.tuple = true));
    if (bracket) in_.want_symbol(")");
    if (with_attribute && !made.tuple && in_.skip_symbol(".")) {
      made.attribute = in_.name("the attribute of a namespace");
      return made;
    }
    assigned_.insert(made.names.begin(), made.names.end());
    return made;
  }

  void loop(Statement& made) {
    in_.take();
    made.kind = Kind::loop;
    made.target = target(false);
    if (!in_.skip_name("in")) in_.unexpected("'in'");
    made.expression = in_.tuple(false);
    if (in_.skip_name("if")) made.condition = in_.expression();
    if (in_.now().is_name("recursive")) in_.fail(in_.now(), "a recursive loop is not supported");
    end_tag();
    ++loops_;
    made.body = body({"else", "endfor"});
    --loops_;
    if (in_.skip_name("else")) {
      end_tag();
      made.other = body({"endfor"});
    }
    in_.take();
    end_tag();
  }

  void set(Statement& made) {
    in_.take();
    made.target = target(true);
    if (in_.skip_symbol("=")) {
      made.kind = Kind::set;
      made.expression = in_.tuple();
      return end_tag();
    }
    made.kind = Kind::set_block;
    made.expression = in_.filters(in_.filtered());
    end_tag();
    made.body = body({"endset"});
    in_.take();
    end_tag();
  }

  void macro(Statement& made) {
    in_.take();
    made.kind = Kind::macro;
    made.macro = std::make_unique<Macro>();
    Macro& macro = *made.macro;
    macro.name = in_.name("the name of the macro");
    assigned_.insert(macro.name);
    in_.want_symbol("(");
    while (!in_.skip_symbol(")")) {
      if (!macro.parameters.empty()) in_.want_symbol(",");
      macro.parameters.push_back(in_.name("the name of a parameter"));
      assigned_.insert(macro.parameters.back());
      if (in_.skip_symbol("="))
        macro.defaults.push_back(in_.expression());
      else if (!macro.defaults.empty())
        in_.fail(in_.now(), "a parameter without a default must stand before those with one");
    }
    end_tag();
    const int loops = std::exchange(loops_, 0);
    macro.body = body({"endmacro"});
    loops_ = loops;
    in_.take();
    end_tag();
  }

  void with(Statement& made) {
    in_.take();
    made.kind = Kind::scope;
    while (in_.now().kind != TokenKind::block_end) {
      if (!made.assignments.empty()) in_.want_symbol(",");
      const Symbol name = in_.name("a name to assign to");
      assigned_.insert(name);
      in_.want_symbol("=");
      made.assignments.emplace_back(name, in_.expression());
    }
    end_tag();
    made.body = body({"endwith"});
    in_.take();
    end_tag();
  }

  void generation(Statement& made) {
    in_.take();
    made.kind = Kind::scope;
    end_tag();
    made.body = body({"endgeneration"});
    in_.take();
    end_tag();
  }

  void filter(Statement& made) {
    in_.take();
    made.kind = Kind::filter;
    made.expression = in_.filters(in_.one_filter(in_.filtered()));
    end_tag();
    made.body = body({"endfilter"});
    in_.take();
    end_tag();
  }

  void jump(Statement& made) {
    const Token token = in_.take();
    if (loops_ == 0) in_.fail(token, token.text + " outside of a loop");
    made.kind = token.text == "break" ? Kind::break_loop : Kind::continue_loop;
    end_tag();
  }

  ExpressionParser in_;
  std::unordered_set<Symbol> assigned_;
  int loops_ = 0;
};

}  // namespace

Program parse(std::string_view source, const Limits& limits) {
  if (source.size() > limits.source_bytes)
    throw SourceError({}, "limit source_bytes = " + std::to_string(limits.source_bytes) + " exceeded");
  Program program;
  program.body = StatementParser(source, program, limits).run();
  return program;
}

}  // namespace clawrl::jinja
