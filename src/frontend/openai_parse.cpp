#include <algorithm>
#include <cctype>
#include <limits>
#include <nlohmann/json.hpp>

#include "frontend/openai_json.hpp"

namespace clawrl {
namespace {

using Json = nlohmann::ordered_json;  // keeps the order of the keys: tools are printed into the prompt as they came

constexpr int kMaxDepth = 100;
constexpr std::size_t kMaxValues = 1'000'000;
constexpr std::size_t kMaxSessionBytes = 256;
constexpr std::size_t kMaxStops = 16;

[[noreturn]] void refuse(const std::string& param, const std::string& message) {
  throw RequestError({400, "invalid_request_error", "", param, message});
}

std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

[[noreturn]] void refuse_value(const std::string& param, const std::string& wanted, const Json& value) {
  refuse(param, param + " must be " + wanted + ", not " + shown(value));
}

/// nullptr when absent or null: both mean "not given".
const Json* find(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

std::string string_of(const Json& value, const std::string& param) {
  if (!value.is_string()) refuse_value(param, "a string", value);
  return value.get<std::string>();
}

std::string string_field(const Json& object, const char* key, const std::string& param) {
  const Json* value = find(object, key);
  return value ? string_of(*value, param) : std::string();
}

bool bool_field(const Json& object, const char* key) {
  const Json* value = find(object, key);
  if (value && !value->is_boolean()) refuse_value(key, "true or false", *value);
  return value && value->get<bool>();
}

std::optional<double> number_field(const Json& object, const char* key, double low, double high) {
  const Json* value = find(object, key);
  if (!value) return std::nullopt;
  if (!value->is_number() || value->get<double>() < low || value->get<double>() > high)
    refuse_value(key, "a number from " + Json(low).dump() + " to " + Json(high).dump(), *value);
  return value->get<double>();
}

std::optional<std::int32_t> integer_field(const Json& object, const char* key, std::int32_t low) {
  const Json* value = find(object, key);
  if (!value) return std::nullopt;
  constexpr auto high = std::numeric_limits<std::int32_t>::max();
  if (!value->is_number_integer() || value->get<double>() < low || value->get<double>() > high)
    refuse_value(key, "an integer from " + std::to_string(low) + " to " + std::to_string(high), *value);
  return value->get<std::int32_t>();
}

/// Before the parser builds anything: no deeper and no more values than any real request has.
void check_size(std::string_view body) {
  int depth = 0;
  std::size_t values = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < body.size(); ++i) {
    const char c = body[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
      continue;
    }
    if (c == '"') quoted = true;
    if (c == '[' || c == '{' || c == ',') ++values;
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    if (depth > kMaxDepth) refuse("", "the JSON body is nested deeper than " + std::to_string(kMaxDepth) + " levels");
    if (values > kMaxValues) refuse("", "the JSON body has more than " + std::to_string(kMaxValues) + " values");
  }
}

Json parse_body(std::string_view body) {
  if (body.empty()) refuse("", "the request has no body; send a JSON object with model and messages");
  check_size(body);
  Json json;
  try {
    json = Json::parse(body);
  } catch (const Json::exception& problem) {
    std::string what = problem.what();  // "[json.exception.parse_error.101] parse error at line ..."
    if (const auto end = what.find("] "); end != std::string::npos) what = what.substr(end + 2);
    // The parser quotes what it read last, which may be broken UTF-8 or the whole body.
    what = shown(Json(what.substr(0, std::min(what.size(), what.find("; last read")))));
    refuse("", "the body is not valid JSON in UTF-8: " + what.substr(1, what.size() - 2));
  }
  if (!json.is_object()) refuse("", "the body must be a JSON object");
  return json;
}

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

std::string tools_of(const Json& body) {
  const Json* tools = find(body, "tools");
  if (!tools) return {};
  if (!tools->is_array()) refuse_value("tools", "an array", *tools);
  for (std::size_t i = 0; i < tools->size(); ++i)
    if (!(*tools)[i].is_object()) refuse_value("tools[" + std::to_string(i) + "]", "an object", (*tools)[i]);
  return tools->empty() ? std::string() : tools->dump();
}

void read_sampling(const Json& body, ChatRequest& request) {
  SamplingParameters& sampling = request.sampling;
  if (const auto t = number_field(body, "temperature", 0, 2)) {
    sampling.temperature = static_cast<float>(*t);
    request.temperature_given = true;
  }
  if (const auto p = number_field(body, "top_p", 0, 1)) sampling.top_p = static_cast<float>(*p);
  if (!(sampling.top_p > 0)) refuse_value("top_p", "a number above 0 and up to 1", body["top_p"]);
  if (const auto k = integer_field(body, "top_k", -1)) sampling.top_k = std::max(*k, 0);  // -1 = off, as in vLLM
  if (const Json* seed = find(body, "seed")) {
    if (!seed->is_number_integer()) refuse_value("seed", "an integer of at most 64 bits", *seed);
    sampling.seed = seed->is_number_unsigned() ? seed->get<std::uint64_t>()
                                               : static_cast<std::uint64_t>(seed->get<std::int64_t>());
    request.seed_given = true;
  }
  number_field(body, "presence_penalty", -2, 2);
  number_field(body, "frequency_penalty", -2, 2);
  if (integer_field(body, "n", 1).value_or(1) != 1) refuse_value("n", "1: one reply per request", body["n"]);
  request.max_tokens = integer_field(body, "max_completion_tokens", 1);
  const auto old_name = integer_field(body, "max_tokens", 1);
  if (!request.max_tokens) request.max_tokens = old_name;
}

std::vector<std::string> stop_of(const Json& body) {
  const Json* stop = find(body, "stop");
  if (!stop) return {};
  std::vector<std::string> texts;
  if (stop->is_array() && stop->size() <= kMaxStops) {
    for (const Json& text : *stop) texts.push_back(string_of(text, "stop[" + std::to_string(texts.size()) + "]"));
  } else if (stop->is_string()) {
    texts.push_back(stop->get<std::string>());
  } else {
    refuse_value("stop", "a string or an array of at most " + std::to_string(kMaxStops) + " strings", *stop);
  }
  for (const auto& text : texts)
    if (text.empty()) refuse("stop", "stop must not have an empty string");
  return texts;
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

void read_session(const Json& body, const SessionHeaders& headers, ChatRequest& request) {
  const std::string param = headers.session_id ? "X-Session-Id" : "session_id";
  request.session = headers.session_id ? *headers.session_id : string_field(body, "session_id", param);
  if (request.session.size() > kMaxSessionBytes)
    refuse(param, param + " is longer than " + std::to_string(kMaxSessionBytes) + " bytes");
  for (unsigned char c : request.session) {
    if (c < 0x20 || c == 0x7f) refuse(param, param + " must not have control characters");
    if (headers.session_id && c > 0x7f) refuse(param, param + " must be ASCII");
  }
}

void read_turn(const Json& body, const SessionHeaders& headers, ChatRequest& request) {
  const std::string param = headers.turn_type ? "X-Turn-Type" : "turn_type";
  if (headers.turn_type || find(body, "turn_type")) {
    const std::string type = lower(headers.turn_type ? *headers.turn_type : string_field(body, "turn_type", param));
    if (type != "main" && type != "side") refuse(param, param + " must be main or side, not " + shown(Json(type)));
    request.turn_type = type == "main" ? TurnType::main : TurnType::side;
  }
  if (!headers.session_done) {
    request.session_done = bool_field(body, "session_done");
    return;
  }
  const std::string done = lower(*headers.session_done);
  const bool yes = done == "1" || done == "true" || done == "yes" || done == "on";
  const bool no = done == "0" || done == "false" || done == "no" || done == "off" || done.empty();
  if (!yes && !no) refuse("X-Session-Done", "X-Session-Done must be true or false, not " + shown(Json(done)));
  request.session_done = yes;
}

bool include_usage_of(const Json& body) {
  const Json* options = find(body, "stream_options");
  if (!options) return false;
  if (!options->is_object()) refuse_value("stream_options", "an object", *options);
  return bool_field(*options, "include_usage");
}

}  // namespace

ParsedChat parse_chat_request(std::string_view body, const SessionHeaders& headers) {
  const Json json = parse_body(body);
  ParsedChat parsed;
  ChatRequest& request = parsed.request;
  request.model = string_field(json, "model", "model");
  if (request.model.empty()) refuse("model", "model is missing; GET /v1/models lists the names");
  request.messages = messages_of(json);
  request.tools = tools_of(json);
  read_sampling(json, request);
  request.stop = stop_of(json);
  request.stream = bool_field(json, "stream");
  parsed.include_usage = include_usage_of(json);
  read_session(json, headers, request);
  read_turn(json, headers, request);
  return parsed;
}

}  // namespace clawrl
