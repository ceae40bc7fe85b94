// POST /v1/completions, /tokenize and /detokenize: requests about plain text and tokens.

#include <nlohmann/json.hpp>

#include "frontend/json_fields.hpp"

namespace clawrl {
namespace {

using namespace fields;

constexpr std::size_t kMaxPrompts = 64;
constexpr int kMaxRepliesInAll = 128;
constexpr std::int32_t kUsualTokens = 16;  // OpenAI's default of max_tokens

std::vector<TokenId> tokens_of(const Json& list, const std::string& param) {
  std::vector<TokenId> ids;
  ids.reserve(list.size());
  for (const Json& id : list) {
    if (!id.is_number_integer() || id.get<double>() < 0 || id.get<double>() > std::numeric_limits<TokenId>::max())
      refuse_value(param + "[" + std::to_string(ids.size()) + "]", "a token id", id);
    ids.push_back(id.get<TokenId>());
  }
  return ids;
}

PlainPrompt prompt_of(const Json& value, const std::string& param) {
  PlainPrompt prompt;
  if (value.is_string())
    prompt.text = value.get<std::string>();
  else if (value.is_array())
    prompt.ids = tokens_of(value, param);
  else
    refuse_value(param, "a string or an array of token ids", value);
  if (prompt.text.empty() && prompt.ids.empty()) refuse(param, param + " must not be empty");
  return prompt;
}

std::vector<PlainPrompt> prompts_of(const Json& body) {
  const Json* given = find(body, "prompt");
  if (!given) refuse("prompt", "prompt is missing");
  const bool several = given->is_array() && !given->empty() && !given->front().is_number();
  if (!several) return {prompt_of(*given, "prompt")};
  if (given->size() > kMaxPrompts)
    refuse("prompt", "prompt must have at most " + std::to_string(kMaxPrompts) + " prompts, not " +
                         std::to_string(given->size()));
  std::vector<PlainPrompt> prompts;
  for (const Json& one : *given) prompts.push_back(prompt_of(one, "prompt[" + std::to_string(prompts.size()) + "]"));
  return prompts;
}

void refuse_what_is_not_offered(const Json& body, const ChatRequest& request) {
  if (!string_field(body, "suffix", "suffix").empty())
    refuse("suffix", "suffix is not supported: this model does not fill gaps");
  if (integer_field(body, "best_of", 1).value_or(request.n) != request.n)
    refuse("best_of", "best_of is not supported: it must be absent or equal n");
}

std::string model_of(const Json& body) {
  std::string model = string_field(body, "model", "model");
  if (model.empty()) refuse("model", "model is missing; GET /v1/models lists the names");
  return model;
}

}  // namespace

ParsedChat parse_completion_request(std::string_view body, const RequestHeaders& headers) {
  const Json json = parse_body(body);
  ParsedChat parsed;
  ChatRequest& request = parsed.request;
  request.model = model_of(json);
  parsed.prompts = prompts_of(json);
  read_sampling(json, request);
  refuse_what_is_not_offered(json, request);
  if (const auto count = integer_field(json, "logprobs", 0, kMaxTopLogprobs)) {
    request.logprobs = true;
    request.top_logprobs = *count;
  }
  const bool echo = bool_field(json, "echo");
  for (PlainPrompt& prompt : parsed.prompts) {
    prompt.echo = echo;
    prompt.among = static_cast<std::int32_t>(parsed.prompts.size());
  }
  const auto replies = static_cast<std::size_t>(request.n) * parsed.prompts.size();
  if (replies > kMaxRepliesInAll)
    refuse("n", "n times the number of prompts must be at most " + std::to_string(kMaxRepliesInAll) + ", not " +
                    std::to_string(replies));
  request.max_tokens = integer_field(json, "max_tokens", echo ? 0 : 1).value_or(kUsualTokens);
  request.stop = stop_of(json);
  request.stream = bool_field(json, "stream");
  parsed.include_usage = include_usage_of(json);
  read_session(json, headers, request);
  request.turn_type = TurnType::side;
  return parsed;
}

TokenizeRequest parse_tokenize_request(std::string_view body) {
  const Json json = parse_body(body);
  TokenizeRequest request;
  request.model = string_field(json, "model", "model");
  const bool chat = find(json, "messages") != nullptr;
  request.add_special_tokens = bool_field(json, "add_special_tokens", !chat);
  if (chat && find(json, "prompt")) refuse("prompt", "prompt and messages cannot both be given");
  if (!chat) {
    const Json* prompt = find(json, "prompt");
    if (!prompt) refuse("prompt", "prompt (a string) or messages are missing");
    request.text = string_of(*prompt, "prompt");
    return request;
  }
  request.chat.emplace();
  request.chat->model = request.model;
  request.chat->messages = messages_of(json);
  read_output(json, *request.chat);
  read_template(json, *request.chat);
  return request;
}

DetokenizeRequest parse_detokenize_request(std::string_view body) {
  const Json json = parse_body(body);
  DetokenizeRequest request;
  request.model = string_field(json, "model", "model");
  const Json* tokens = find(json, "tokens");
  if (!tokens) refuse("tokens", "tokens is missing");
  if (!tokens->is_array()) refuse_value("tokens", "an array of token ids", *tokens);
  request.tokens = tokens_of(*tokens, "tokens");
  return request;
}

}  // namespace clawrl
