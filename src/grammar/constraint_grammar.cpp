#include "grammar/constraint_grammar.hpp"

#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "grammar/json_schema.hpp"

namespace clawrl::grammar {
namespace {

using Json = nlohmann::ordered_json;
using IsToken = std::function<bool(const std::string&)>;

constexpr std::size_t max_tools = 128, max_tools_bytes = 1 << 20;

class ReplyGrammar {
 public:
  ReplyGrammar(Grammar& grammar, const ReplyFormat& format, const IsToken& is_token)
      : grammar_(grammar), format_(format), is_token_(is_token) {}

  Expression answer(const Constraint& constraint) {
    switch (constraint.kind) {
      case Constraint::Kind::json_object:
        return JsonText(grammar_, false).object();
      case Constraint::Kind::json_schema:
        return schema_expression(grammar_, JsonText(grammar_, false), constraint.schema, "json_schema");
      case Constraint::Kind::tool_call:
        return tool_calls(constraint);
      case Constraint::Kind::none:
        break;
    }
    throw InternalError("a grammar of no constraint");
  }

  Expression with_thoughts(Expression answer, Thinking thinking) {
    if (thinking == Thinking::none) return answer;
    Expression thoughts = sequence({until("</think>"), repeat(one('\n'), 0, 2)});
    if (thinking == Thinking::may) thoughts = optional(sequence({tag("<think>"), std::move(thoughts)}));
    return sequence({std::move(thoughts), std::move(answer)});
  }

 private:
  Expression tag(const std::string& name) { return is_token_(name) ? one(grammar_.add_tag(name)) : text(name); }

  /// Any bytes up to and with the first `end`. State k: the last k bytes are its first k (Knuth, Morris and Pratt).
  Expression until(const std::string& end) {
    std::vector<int> states;
    for (std::size_t k = 0; k < end.size(); ++k) states.push_back(grammar_.add_rule("thoughts"));
    const auto follow = [&](std::size_t matched, char byte) {
      const std::string seen = end.substr(0, matched) + byte;
      for (std::size_t k = seen.size();; --k)
        if (seen.ends_with(end.substr(0, k))) return k;
    };
    for (std::size_t k = 0; k < end.size(); ++k) {
      std::vector<std::vector<std::pair<Symbol, Symbol>>> to(end.size() + 1);
      for (int byte = 0; byte < 256; ++byte)
        to[follow(k, static_cast<char>(byte))].emplace_back(static_cast<Symbol>(byte), static_cast<Symbol>(byte));
      Expression all = choice({});
      for (std::size_t next = 0; next <= end.size(); ++next) {
        if (to[next].empty()) continue;
        Expression read = symbols(to[next]);
        all.parts.push_back(next == end.size() ? std::move(read) : sequence({std::move(read), call(states[next])}));
      }
      if (is_token_(end)) all.parts.push_back(one(grammar_.add_tag(end)));
      grammar_.define(states[k], all);
    }
    return call(states[0]);
  }

  Expression tool_calls(const Constraint& constraint) {
    const JsonText json(grammar_, format_.tools == ToolFormat::hermes);
    const int rule = grammar_.add_rule("tool call");
    switch (format_.tools) {
      case ToolFormat::hermes: {
        grammar_.define(rule, sequence({tag("<tool_call>"), one('\n'), one_of_tools(constraint, json, "arguments"),
                                        one('\n'), tag("</tool_call>")}));
        return sequence({call(rule), repeat(sequence({one('\n'), call(rule)}), 0, unlimited)});
      }
      case ToolFormat::llama_json:
        grammar_.define(rule, one_of_tools(constraint, json, "parameters"));
        return call(rule);
      case ToolFormat::mistral: {
        grammar_.define(rule, one_of_tools(constraint, json, "arguments"));
        return sequence({tag("[TOOL_CALLS]"), optional(one(' ')), json.list('[', call(rule), 1, unlimited, ']')});
      }
      case ToolFormat::none:
        break;
    }
    throw UserError("tool_choice: this model's chat template has no tool call format known here (model.tool_format)");
  }

  Expression one_of_tools(const Constraint& constraint, const JsonText& json, const std::string& key) {
    Expression all = choice({});
    for (const auto& tool : parse_tools(constraint.schema)) {
      const bool wrapped = tool.is_object() && tool.contains("function");
      const Json& function = wrapped ? tool["function"] : tool;
      require(function.is_object() && function.contains("name") && function["name"].is_string(),
              "tools: a function has no name");
      const auto name = function["name"].get<std::string>();
      if (!constraint.tool.empty() && name != constraint.tool) continue;
      const auto parameters = function.find("parameters");
      const bool free = parameters == function.end() || parameters->is_null() || parameters->empty();
      const auto arguments =
          free ? json.object()
               : schema_expression(grammar_, json, parameters->dump(), "tools." + name + ".parameters", true);
      all.parts.push_back(
          sequence({one('{'), json.blank(), text("\"name\":"), json.blank(), json.dumped(Json(name).dump()), one(','),
                    json.blank(), text("\"" + key + "\":"), json.blank(), arguments, json.blank(), one('}')}));
    }
    require(!all.parts.empty(), constraint.tool.empty() ? "tools: none is given"
                                                        : "tool_choice: there is no tool '" + constraint.tool + "'");
    return all;
  }

  static Json parse_tools(const std::string& tools) {
    require(tools.size() <= max_tools_bytes, "tools: larger than " + std::to_string(max_tools_bytes) + " bytes");
    const auto shallow = [](int depth, nlohmann::detail::parse_event_t, const Json&) {
      require(depth <= 200, "tools: nest more than 200 levels");
      return true;
    };
    try {
      Json list = Json::parse(tools, shallow);
      require(list.is_array() && list.size() <= max_tools,
              "tools: must be a list of at most " + std::to_string(max_tools) + " tools");
      return list;
    } catch (const Json::exception&) {
      throw UserError("tools: are not JSON");
    }
  }

  Grammar& grammar_;
  const ReplyFormat& format_;
  const IsToken& is_token_;
};

}  // namespace

const std::vector<std::string>& tag_texts() {
  static const std::vector<std::string> texts = {"<think>", "</think>", "<tool_call>", "</tool_call>", "[TOOL_CALLS]"};
  return texts;
}

std::shared_ptr<const Grammar> constraint_grammar(const Constraint& constraint, const ReplyFormat& format,
                                                  Thinking thinking, const IsToken& is_token) {
  auto grammar = std::make_shared<Grammar>();
  const int root = grammar->add_rule("reply");
  ReplyGrammar reply(*grammar, format, is_token);
  grammar->define(root, reply.with_thoughts(reply.answer(constraint), thinking));
  grammar->finish(root);
  return grammar;
}

}  // namespace clawrl::grammar
