#include <cstdio>
#include <nlohmann/json.hpp>
#include <random>

#include "frontend/openai_json.hpp"
#include "frontend/sse.hpp"

namespace clawrl {
namespace {

using Json = nlohmann::ordered_json;

/// Broken UTF-8 in a text becomes U+FFFD: a reply must not fail on its way out.
std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json usage_json(const ChatUsage& usage) {
  return {{"prompt_tokens", usage.prompt_tokens},
          {"completion_tokens", usage.completion_tokens},
          {"total_tokens", usage.prompt_tokens + usage.completion_tokens},
          {"prompt_tokens_details", {{"cached_tokens", usage.cached_tokens}}}};
}

Json reply_json(const Message& reply) {
  const bool only_calls = reply.text.empty() && !reply.tool_calls.empty();
  Json json = {{"role", "assistant"}, {"content", only_calls ? Json(nullptr) : Json(reply.text)}};
  if (!reply.reasoning.empty()) json["reasoning_content"] = reply.reasoning;
  for (const ToolCall& call : reply.tool_calls)
    json["tool_calls"].push_back(
        {{"id", call.id}, {"type", "function"}, {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
  return json;
}

Json or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

}  // namespace

std::string new_completion_id() {
  thread_local std::mt19937_64 bits{(std::uint64_t{std::random_device{}()} << 32) ^ std::random_device{}()};
  char id[40];
  std::snprintf(id, sizeof id, "chatcmpl-%016llx%08llx", static_cast<unsigned long long>(bits()),
                static_cast<unsigned long long>(bits() >> 32));
  return id;
}

std::string format_error(const ChatError& error) {
  return dump({{"error",
                {{"message", error.message},
                 {"type", error.type.empty() ? "server_error" : error.type},
                 {"param", or_null(error.param)},
                 {"code", or_null(error.code)}}}});
}

std::string format_models(const std::vector<ModelCard>& models) {
  Json data = Json::array();
  for (const ModelCard& card : models)
    data.push_back({{"id", card.id},
                    {"object", "model"},
                    {"created", card.created},
                    {"owned_by", "clawrl"},
                    {"max_model_len", card.max_model_len}});
  return dump({{"object", "list"}, {"data", std::move(data)}});
}

std::string format_health(const std::string& problem) {
  if (problem.empty()) return dump({{"status", "ok"}});
  return dump({{"status", "unavailable"}, {"reason", problem}});
}

std::string format_completion(const std::string& id, std::int64_t created, const std::string& model,
                              const Message& reply, const std::string& finish_reason, const ChatUsage& usage) {
  Json choice = {{"index", 0}, {"message", reply_json(reply)}, {"logprobs", nullptr}, {"finish_reason", finish_reason}};
  return dump({{"id", id},
               {"object", "chat.completion"},
               {"created", created},
               {"model", model},
               {"choices", Json::array({std::move(choice)})},
               {"usage", usage_json(usage)}});
}

ChunkWriter::ChunkWriter(const std::string& id, std::int64_t created, const std::string& model)
    : head_(dump({{"id", id}, {"object", "chat.completion.chunk"}, {"created", created}, {"model", model}})) {
  head_.pop_back();  // the closing brace: choices follow
}

std::string ChunkWriter::chunk(std::string_view delta, std::string_view finish_reason, std::string_view usage) const {
  std::string json = head_;
  json.append(",\"choices\":[{\"index\":0,\"delta\":").append(delta);
  json.append(",\"finish_reason\":").append(finish_reason).append("}]");
  if (!usage.empty()) json.append(",\"usage\":").append(usage);
  return sse_event(json += '}');
}

std::string ChunkWriter::role() const {
  return chunk(R"({"role":"assistant","content":""})", "null", "");
}

std::string ChunkWriter::text(std::string_view delta) const {
  return chunk("{\"content\":" + dump(Json(std::string(delta))) + "}", "null", "");
}

std::string ChunkWriter::reasoning(std::string_view delta) const {
  return chunk("{\"reasoning_content\":" + dump(Json(std::string(delta))) + "}", "null", "");
}

std::string ChunkWriter::tool_call(const ToolCallDelta& delta) const {
  Json call = {{"index", delta.index}};
  if (!delta.id.empty()) {
    call["id"] = delta.id;
    call["type"] = "function";
    call["function"]["name"] = delta.name;
  }
  call["function"]["arguments"] = delta.arguments;
  return chunk(dump({{"tool_calls", Json::array({std::move(call)})}}), "null", "");
}

std::string ChunkWriter::finish(const std::string& finish_reason, const ChatUsage& usage, bool include_usage) const {
  const std::string counts = dump(usage_json(usage));
  std::string events = chunk("{}", dump(Json(finish_reason)), include_usage ? "" : counts);
  if (include_usage) events += sse_event(head_ + ",\"choices\":[],\"usage\":" + counts + "}");
  return events.append(kSseDone);
}

std::string ChunkWriter::error(const ChatError& error) {
  return sse_event(format_error(error)).append(kSseDone);
}

}  // namespace clawrl
