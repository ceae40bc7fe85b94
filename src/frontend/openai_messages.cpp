#include <nlohmann/json.hpp>

#include "frontend/json_fields.hpp"

namespace clawrl::fields {
namespace {

std::string text_of_part(const Json& part, const std::string& path) {
  if (part.is_string()) return part.get<std::string>();
  if (!part.is_object()) refuse_value(path, "an object with a type", part);
  const std::string type = string_field(part, "type", path + ".type");
  if (type != "text" && type != "input_text" && type != "refusal")
    refuse(path + ".type", "content of type '" + type + "' is not supported: this model reads text only");
  const char* key = type == "refusal" ? "refusal" : "text";
  if (!find(part, key)) refuse(path + "." + key, path + "." + key + " is missing");
  return string_field(part, key, path + "." + key);
}

std::string content_of(const Json& message, const std::string& role, const std::string& path) {
  const auto it = message.find("content");
  if (it == message.end()) {
    if (role != "assistant") refuse(path, path + " is missing");
    return {};
  }
  if (it->is_null()) return {};
  if (it->is_string()) return it->get<std::string>();
  if (!it->is_array()) refuse_value(path, "a string, an array of parts or null", *it);
  std::string text;
  for (std::size_t i = 0; i < it->size(); ++i) {
    if (i > 0) text += '\n';
    text += text_of_part((*it)[i], path + "[" + std::to_string(i) + "]");
  }
  return text;
}

std::vector<ToolCall> tool_calls_of(const Json& message, const std::string& path) {
  const Json* calls = find(message, "tool_calls");
  if (!calls) return {};
  if (!calls->is_array()) refuse_value(path, "an array", *calls);
  std::vector<ToolCall> result;
  for (const Json& call : *calls) {
    const std::string at = path + "[" + std::to_string(result.size()) + "]";
    if (!call.is_object()) refuse_value(at, "an object", call);
    const Json* function = find(call, "function");
    if (!function || !function->is_object()) refuse(at + ".function", at + ".function must be an object");
    ToolCall made{string_field(call, "id", at + ".id"), string_field(*function, "name", at + ".function.name"), {}};
    if (made.name.empty()) refuse(at + ".function.name", at + ".function.name is missing");
    const Json* arguments = find(*function, "arguments");
    if (arguments && arguments->is_object())
      made.arguments = arguments->dump();
    else if (arguments)
      made.arguments = string_of(*arguments, at + ".function.arguments");
    result.push_back(std::move(made));
  }
  return result;
}

std::string role_of(const Json& message, const std::string& path) {
  const std::string role = string_field(message, "role", path);
  if (role == "developer") return "system";
  if (role == "function") return "tool";
  if (role == "system" || role == "user" || role == "assistant" || role == "tool") return role;
  refuse(path, path + " must be system, developer, user, assistant or tool, not '" + role + "'");
}

}  // namespace

std::vector<Message> messages_of(const Json& body) {
  const Json* list = find(body, "messages");
  if (!list) refuse("messages", "messages is missing");
  if (!list->is_array() || list->empty()) refuse_value("messages", "an array with at least one message", *list);
  std::vector<Message> messages;
  for (const Json& json : *list) {
    const std::string path = "messages[" + std::to_string(messages.size()) + "]";
    if (!json.is_object()) refuse_value(path, "an object", json);
    Message message;
    message.role = role_of(json, path + ".role");
    message.text = content_of(json, message.role, path + ".content");
    message.reasoning = string_field(json, "reasoning_content", path + ".reasoning_content");
    if (message.role == "assistant") message.tool_calls = tool_calls_of(json, path + ".tool_calls");
    message.tool_call_id = string_field(json, "tool_call_id", path + ".tool_call_id");
    messages.push_back(std::move(message));
  }
  return messages;
}

}  // namespace clawrl::fields
