#pragma once
// The OpenAI chat format to our structs and back. Pure functions, no sockets; JSON is met only in the .cpp files.

#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/chat_service.hpp"

namespace clawrl {

/// A request that is answered with `error` instead of a reply.
struct RequestError : std::runtime_error {
  explicit RequestError(ChatError what) : std::runtime_error(what.message), error(std::move(what)) {}
  ChatError error;
};

/// The headers that say the same as body fields; a header wins over its field, of the session ids the first one.
struct RequestHeaders {
  std::optional<std::string> session_id = {};        // X-Session-Id        | session_id
  std::optional<std::string> turn_type = {};         // X-Turn-Type         | turn_type: main, side
  std::optional<std::string> session_done = {};      // X-Session-Done      | session_done: true/1/yes/on, false/...
  std::optional<std::string> session_affinity = {};  // x-session-affinity
  std::optional<std::string> session_id_underscored = {};  // session_id
  std::optional<std::string> client_request_id = {};       // x-client-request-id
  // X-Learning | metadata.learning, the strictest counts: on, store, off; then "; scope=session" | learning_scope
  std::optional<std::string> learning = {};
};

/// `header`: the value of a header by its name, nullopt if it is absent or empty.
RequestHeaders request_headers(const std::function<std::optional<std::string>(const char*)>& header);

struct ParsedChat {
  ChatRequest request;
  std::vector<PlainPrompt> prompts;  // of POST /v1/completions, one request each; empty = a chat
  bool include_usage = false;        // stream_options.include_usage
};

/// Strict about the types and ranges of the fields that it knows (the error names the field as `param`), blind to
/// others. Without effect: parallel_tool_calls. Throws RequestError.
ParsedChat parse_chat_request(std::string_view body, const RequestHeaders& headers = {});

/// POST /v1/completions. Not for training: side turns.
ParsedChat parse_completion_request(std::string_view body, const RequestHeaders& headers = {});

/// `model` may be empty here: the only one is meant.
TokenizeRequest parse_tokenize_request(std::string_view body);

struct DetokenizeRequest {
  std::string model;
  std::vector<TokenId> tokens;
};
DetokenizeRequest parse_detokenize_request(std::string_view body);

std::string new_completion_id(const char* prefix = "chatcmpl");  // a dash and 24 hexadecimal digits

std::string format_error(const ChatError& error);
std::string format_models(const std::vector<ModelCard>& models);
std::string format_model(const std::vector<ModelCard>& models, const std::string& id);  // RequestError 404: unknown
std::string format_health(const std::string& problem);
std::string format_tokens(const std::vector<TokenId>& tokens, const std::vector<ModelCard>& models);
std::string format_prompt(const std::string& text);  // of /detokenize

}  // namespace clawrl
