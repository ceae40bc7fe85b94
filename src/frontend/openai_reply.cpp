#include "frontend/openai_reply.hpp"

#include <nlohmann/json.hpp>

#include "core/error.hpp"

namespace clawrl {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

Json message_json(const Message& message) {
  Json json = {{"role", message.role}, {"content", message.text}};
  if (!message.reasoning.empty()) json["reasoning_content"] = message.reasoning;
  for (const ToolCall& call : message.tool_calls)
    json["tool_calls"].push_back(
        {{"id", call.id}, {"type", "function"}, {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
  if (!message.tool_call_id.empty()) json["tool_call_id"] = message.tool_call_id;
  return json;
}

Json parsed(const std::string& text, const char* what) {
  Json json = Json::parse(text, nullptr, false);
  require(!json.is_discarded(), std::string("ChatOptions::") + what + " is not JSON: " + text.substr(0, 80));
  return json;
}

std::string text_at(const Json& json, const char* key) {
  const auto it = json.find(key);
  return it != json.end() && it->is_string() ? it->get<std::string>() : std::string();
}

int count_at(const Json& json, const char* key) {
  const auto it = json.find(key);
  return it != json.end() && it->is_number_integer() ? it->get<int>() : 0;
}

void read_usage(const Json& json, ChatReply& reply) {
  const auto usage = json.find("usage");
  if (usage == json.end() || !usage->is_object()) return;
  reply.usage.prompt_tokens = count_at(*usage, "prompt_tokens");
  reply.usage.completion_tokens = count_at(*usage, "completion_tokens");
  const auto details = usage->find("prompt_tokens_details");
  if (details != usage->end() && details->is_object()) reply.usage.cached_tokens = count_at(*details, "cached_tokens");
}

/// True if `json` is an error body.
bool read_error(const Json& json, ChatReply& reply) {
  const auto error = json.find("error");
  if (error == json.end()) return false;
  reply.error.status = reply.status;
  reply.error.type = error->is_object() ? text_at(*error, "type") : "";
  reply.error.code = error->is_object() ? text_at(*error, "code") : "";
  reply.error.param = error->is_object() ? text_at(*error, "param") : "";
  reply.error.message = error->is_object() ? text_at(*error, "message") : error->dump();
  if (reply.error.message.empty()) reply.error.message = "error without a message";
  return true;
}

void read_calls(const Json& list, std::vector<ToolCall>& calls) {
  for (const Json& json : list) {
    if (!json.is_object()) continue;
    const auto index = json.contains("index") ? static_cast<std::size_t>(count_at(json, "index")) : calls.size();
    if (index > 4096) continue;
    if (calls.size() <= index) calls.resize(index + 1);
    calls[index].id += text_at(json, "id");
    const auto function = json.find("function");
    if (function == json.end() || !function->is_object()) continue;
    calls[index].name += text_at(*function, "name");
    calls[index].arguments += text_at(*function, "arguments");
  }
}

/// Adds what a whole reply's `message` or a chunk's `delta` carries; false if that is nothing.
bool read_choice(const Json& json, const char* part, ChatReply& reply) {
  const auto choices = json.find("choices");
  if (choices == json.end() || !choices->is_array() || choices->empty() || !choices->front().is_object()) return false;
  const Json& choice = choices->front();
  if (const auto reason = text_at(choice, "finish_reason"); !reason.empty()) reply.finish_reason = reason;
  const auto it = choice.find(part);
  if (it == choice.end() || !it->is_object()) return false;
  const std::string text = text_at(*it, "content"), thought = text_at(*it, "reasoning_content");
  reply.text += text;
  reply.reasoning += thought;
  const auto calls = it->find("tool_calls");
  const bool called = calls != it->end() && calls->is_array() && !calls->empty();
  if (called) read_calls(*calls, reply.tool_calls);
  return called || !text.empty() || !thought.empty();
}

}  // namespace

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

void broken(ChatReply& reply, const std::string& why) {
  reply.cut = true;
  if (reply.error.message.empty()) reply.error = {reply.status, "connection_error", "", "", why};
}

std::string request_body(const std::vector<Message>& messages, const ChatOptions& options) {
  Json body = {{"model", options.model}, {"messages", Json::array()}, {"stream", options.stream}};
  for (const Message& message : messages) body["messages"].push_back(message_json(message));
  if (options.stream) body["stream_options"] = {{"include_usage", true}};
  if (options.temperature) body["temperature"] = *options.temperature;
  if (options.max_tokens) body["max_completion_tokens"] = *options.max_tokens;
  if (options.seed) body["seed"] = *options.seed;
  if (!options.tools.empty()) body["tools"] = parsed(options.tools, "tools");
  if (!options.fields.empty()) body.update(parsed(options.fields, "fields"));
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void ReplyReader::feed(std::string_view bytes) {
  for (const std::string& data : parser_.feed(bytes)) event(data);
}

void ReplyReader::event(const std::string& data) {
  if (data == "[DONE]") {
    done_ = true;
    return;
  }
  const Json json = Json::parse(data, nullptr, false);
  if (!json.is_object()) return broken(reply_, "the stream has an event that is not JSON: " + data.substr(0, 80));
  if (read_error(json, reply_)) return;
  read_usage(json, reply_);
  if (!read_choice(json, "delta", reply_)) return;
  const double now = seconds_since(begin_);
  if (reply_.first_token_s == 0)
    reply_.first_token_s = now;
  else
    reply_.token_gaps_s.push_back(now - last_);
  last_ = now;
}

void read_whole_reply(const std::string& body, Clock::time_point begin, ChatReply& reply) {
  const Json json = Json::parse(body, nullptr, false);
  if (json.is_object() && read_error(json, reply)) return;
  if (!json.is_object() || reply.status != 200) {
    reply.error = {reply.status, "server_error", "", "", "HTTP " + std::to_string(reply.status) + " without JSON"};
    return;
  }
  read_choice(json, "message", reply);
  read_usage(json, reply);
  reply.first_token_s = seconds_since(begin);
}

}  // namespace clawrl
