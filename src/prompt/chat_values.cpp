#include "prompt/chat_values.hpp"

#include <algorithm>
#include <array>

#include "core/error.hpp"
#include "prompt/jinja/json.hpp"
#include "prompt/utf8.hpp"

namespace clawrl {
namespace {

using jinja::Dict;
using jinja::Value;

Value text(const std::string& bytes) {
  return jinja::data_text(is_valid_utf8(bytes) ? bytes : to_valid_utf8(bytes));
}

void set(Dict& dict, const char* name, Value value) {
  dict.set(jinja::template_text(name), std::move(value));
}

Value json(const std::string& what, const std::string& text) {
  try {
    return jinja::parse_json(text);
  } catch (const jinja::Problem& problem) {
    throw UserError(what + ": " + problem.what());
  }
}

/// What a model wrote as arguments need not be JSON; then the template gets the text.
Value arguments_of(const ToolCall& call) {
  if (call.arguments.empty()) return jinja::dict_value({});
  try {
    return jinja::parse_json(call.arguments);
  } catch (const jinja::Problem&) {
    return text(call.arguments);
  }
}

Value call_value(const ToolCall& call) {
  Dict function, value;
  set(function, "name", text(call.name));
  set(function, "arguments", arguments_of(call));
  if (!call.id.empty()) set(value, "id", text(call.id));
  set(value, "type", text("function"));
  set(value, "function", jinja::dict_value(std::move(function)));
  return jinja::dict_value(std::move(value));
}

Value message_value(const Message& message) {
  Dict value;
  set(value, "role", text(message.role));
  set(value, "content", text(message.text));
  if (!message.reasoning.empty()) set(value, "reasoning_content", text(message.reasoning));
  if (!message.tool_calls.empty()) {
    std::vector<Value> calls;
    for (const ToolCall& call : message.tool_calls) calls.push_back(call_value(call));
    set(value, "tool_calls", jinja::list_value(std::move(calls)));
  }
  if (!message.tool_call_id.empty()) set(value, "tool_call_id", text(message.tool_call_id));
  return jinja::dict_value(std::move(value));
}

Value tools_value(const std::string& tools_json) {
  if (tools_json.empty()) return jinja::None{};
  Value tools = json("tools", tools_json);
  require(jinja::as_list(tools) != nullptr, "tools must be a JSON array");
  return tools;
}

void add_arguments(jinja::Template::Variables& variables, const std::string& arguments) {
  if (arguments.empty()) return;
  static constexpr std::array<std::string_view, 5> taken = {"messages", "tools", "add_generation_prompt", "bos_token",
                                                            "eos_token"};
  const Value given = json("template arguments", arguments);
  require(jinja::as_dict(given) != nullptr, "template arguments must be a JSON object");
  for (const auto& [key, value] : jinja::as_dict(given)->items()) {
    const std::string& name = jinja::as_text(key)->bytes();
    require(std::find(taken.begin(), taken.end(), name) == taken.end(),
            "template arguments must not have '" + name + "': it has a value of its own");
    variables.emplace_back(name, value);
  }
}

}  // namespace

void add_chat_values(jinja::Template::Variables& variables, std::span<const Message> messages,
                     const std::string& tools_json, const TemplateOptions& options) {
  variables.emplace_back("documents", jinja::None{});
  add_arguments(variables, options.arguments);
  try {
    std::vector<Value> all;
    for (const Message& message : messages) all.push_back(message_value(message));
    variables.emplace_back("messages", jinja::list_value(std::move(all)));
  } catch (const jinja::Problem& problem) {  // arguments of a call may be as deep or large as a value can be
    throw UserError(std::string("messages: ") + problem.what());
  }
  variables.emplace_back("tools", tools_value(tools_json));
  variables.emplace_back("add_generation_prompt", options.add_generation_prompt);
}

}  // namespace clawrl
