#include <cstdio>
#include <nlohmann/json.hpp>
#include <random>

#include "frontend/openai_json.hpp"
#include "frontend/openai_values.hpp"
#include "frontend/reply_writer.hpp"
#include "frontend/sse.hpp"

namespace clawrl {

using values::Json;

std::string values::dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string values::valid(const std::string& text) {
  return Json::parse(dump(text)).get<std::string>();
}

std::string values::open_object(const Json& json) {
  std::string text = dump(json);
  text.pop_back();
  return text;
}

Json values::usage(const ChatUsage& usage) {
  return {{"prompt_tokens", usage.prompt_tokens},
          {"completion_tokens", usage.completion_tokens},
          {"total_tokens", usage.prompt_tokens + usage.completion_tokens},
          {"prompt_tokens_details", {{"cached_tokens", usage.cached_tokens}}},
          {"completion_tokens_details", {{"reasoning_tokens", usage.reasoning_tokens}}}};
}

Json values::or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

namespace {

using values::dump;
using values::or_null;

Json card_json(const ModelCard& card) {
  return {{"id", card.id},
          {"object", "model"},
          {"created", card.created},
          {"owned_by", "clawrl"},
          {"max_model_len", card.max_model_len}};
}

}  // namespace

std::string new_completion_id(const char* prefix) {
  thread_local std::mt19937_64 bits{(std::uint64_t{std::random_device{}()} << 32) ^ std::random_device{}()};
  char id[64];
  std::snprintf(id, sizeof id, "%.16s-%016llx%08llx", prefix, static_cast<unsigned long long>(bits()),
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

std::string error_event(const ChatError& error) {
  return sse_event(format_error(error)).append(kSseDone);
}

std::string format_models(const std::vector<ModelCard>& models) {
  Json data = Json::array();
  for (const ModelCard& card : models) data.push_back(card_json(card));
  return dump({{"object", "list"}, {"data", std::move(data)}});
}

std::string format_model(const std::vector<ModelCard>& models, const std::string& id) {
  for (const ModelCard& card : models)
    if (card.id == id) return dump(card_json(card));
  throw RequestError({404, "invalid_request_error", "model_not_found", "model",
                      "the model '" + id + "' does not exist; GET /v1/models lists the names"});
}

std::string format_health(const std::string& problem) {
  if (problem.empty()) return dump({{"status", "ok"}});
  return dump({{"status", "unavailable"}, {"reason", problem}});
}

std::string format_tokens(const std::vector<TokenId>& tokens, const std::vector<ModelCard>& models) {
  return dump({{"count", tokens.size()},
               {"max_model_len", models.empty() ? Json(nullptr) : Json(models.front().max_model_len)},
               {"tokens", tokens}});
}

std::string format_prompt(const std::string& text) {
  return dump({{"prompt", text}});
}

}  // namespace clawrl
