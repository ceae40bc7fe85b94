// What a request says about the form of its reply: tools and which of them, JSON, and what the chat template is told.

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "frontend/json_fields.hpp"

namespace clawrl::fields {
namespace {

using Kind = Constraint::Kind;

const Json* tools_of(const Json& body) {
  const Json* tools = find(body, "tools");
  if (!tools) return nullptr;
  if (!tools->is_array()) refuse_value("tools", "an array", *tools);
  for (std::size_t i = 0; i < tools->size(); ++i)
    if (!(*tools)[i].is_object()) refuse_value("tools[" + std::to_string(i) + "]", "an object", (*tools)[i]);
  return tools->empty() ? nullptr : tools;
}

/// The function names, which a reply that must be a call is held to.
std::vector<std::string> names_of(const Json& tools) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < tools.size(); ++i) {
    const std::string at = "tools[" + std::to_string(i) + "].function";
    const Json* function = find(tools[i], "function");
    if (!function || !function->is_object()) refuse(at, at + " must be an object");
    names.push_back(string_field(*function, "name", at + ".name"));
    if (names.back().empty()) refuse(at + ".name", at + ".name is missing");
  }
  return names;
}

/// The one function of tool_choice {"type": "function", "function": {"name": ...}}.
std::string chosen_tool(const Json& choice) {
  if (string_field(choice, "type", "tool_choice.type") != "function")
    refuse("tool_choice.type", "tool_choice.type must be function");
  const Json* function = find(choice, "function");
  if (!function || !function->is_object()) refuse("tool_choice.function", "tool_choice.function must be an object");
  std::string name = string_field(*function, "name", "tool_choice.function.name");
  if (name.empty()) refuse("tool_choice.function.name", "tool_choice.function.name is missing");
  return name;
}

void read_tools(const Json& body, ChatRequest& request) {
  const Json* tools = tools_of(body);
  const Json* choice = find(body, "tool_choice");
  const std::string word = choice && choice->is_string() ? choice->get<std::string>() : "";
  if (choice && !choice->is_object() && word != "none" && word != "auto" && word != "required")
    refuse_value("tool_choice", "none, auto, required or an object that names a function", *choice);
  if (tools && word != "none") request.tools = tools->dump();
  if (!choice || word == "none" || word == "auto") return;
  const std::string wanted = choice->is_object() ? chosen_tool(*choice) : "";
  if (!tools) refuse("tool_choice", "tool_choice needs tools: the request has none");
  const std::vector<std::string> names = names_of(*tools);
  if (!wanted.empty() && std::find(names.begin(), names.end(), wanted) == names.end())
    refuse("tool_choice", "tool_choice names the function '" + wanted + "', which is not among the tools");
  request.constraint = {Kind::tool_call, request.tools, wanted};
}

Constraint format_of(const Json& body) {
  const Json* format = find(body, "response_format");
  if (!format) return {};
  if (!format->is_object()) refuse_value("response_format", "an object with a type", *format);
  const std::string type = string_field(*format, "type", "response_format.type");
  if (type == "text") return {};
  if (type == "json_object") return {Kind::json_object, "", ""};
  if (type != "json_schema")
    refuse("response_format.type", "response_format.type must be text, json_object or json_schema, not " + shown(type));
  const std::string at = "response_format.json_schema";
  const Json* named = find(*format, "json_schema");
  if (!named || !named->is_object()) refuse(at, at + " must be an object with a name and a schema");
  string_field(*named, "name", at + ".name");
  const Json* strict = find(*named, "strict");
  if (strict && !strict->is_boolean()) refuse_value(at + ".strict", "true or false", *strict);
  const Json* schema = find(*named, "schema");
  if (!schema || !schema->is_object()) refuse(at + ".schema", at + ".schema must be an object");
  return {Kind::json_schema, schema->dump(), ""};
}

}  // namespace

void read_output(const Json& body, ChatRequest& request) {
  read_tools(body, request);
  bool_field(body, "parallel_tool_calls");
  Constraint format = format_of(body);
  if (format.kind == Kind::none) return;
  if (request.constraint.kind != Kind::none)
    refuse("response_format", "response_format cannot be given together with a tool_choice that demands a call");
  request.constraint = std::move(format);
}

void read_template(const Json& body, ChatRequest& request) {
  Json arguments = Json::object();
  if (const Json* given = find(body, "chat_template_kwargs")) {
    if (!given->is_object()) refuse_value("chat_template_kwargs", "an object", *given);
    arguments = *given;
  }
  constexpr std::array fixed{"messages", "tools", "add_generation_prompt", "continue_final_message"};
  for (const char* name : fixed)
    if (arguments.contains(name))
      refuse("chat_template_kwargs", std::string("chat_template_kwargs must not have ") + name + ": it is a field");
  const std::string effort = string_field(body, "reasoning_effort", "reasoning_effort");
  if (find(body, "enable_thinking") && !arguments.contains("enable_thinking"))
    arguments["enable_thinking"] = bool_field(body, "enable_thinking");
  if (effort == "none" && !arguments.contains("enable_thinking")) arguments["enable_thinking"] = false;
  if (!effort.empty() && effort != "none" && !arguments.contains("reasoning_effort"))
    arguments["reasoning_effort"] = effort;
  if (!arguments.empty()) request.template_arguments = arguments.dump();

  request.continue_final_message = bool_field(body, "continue_final_message");
  request.add_generation_prompt = bool_field(body, "add_generation_prompt", !request.continue_final_message);
  if (!request.continue_final_message) return;
  if (request.add_generation_prompt)
    refuse("continue_final_message", "continue_final_message and add_generation_prompt cannot both be true");
  if (request.messages.back().role != "assistant")
    refuse("continue_final_message", "continue_final_message needs a last message of the role assistant");
}

}  // namespace clawrl::fields
