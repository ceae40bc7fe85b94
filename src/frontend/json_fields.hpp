#pragma once
// Reading the fields of a JSON request, for the frontend's .cpp files only. What is wrong is refused by the field's
// name: every function throws RequestError with `param`.

#include <cstdint>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/openai_json.hpp"

namespace clawrl::fields {

using Json = nlohmann::ordered_json;  // keeps the order of the keys: tools are printed into the prompt as they came

[[noreturn]] void refuse(const std::string& param, const std::string& message);
[[noreturn]] void refuse_value(const std::string& param, const std::string& wanted, const Json& value);
std::string shown(const Json& value);  // as JSON, at most 60 bytes

/// nullptr when absent or null: both mean "not given".
const Json* find(const Json& object, const char* key);
std::string string_of(const Json& value, const std::string& param);
std::string string_field(const Json& object, const char* key, const std::string& param);  // "" if not given
bool bool_field(const Json& object, const char* key, bool otherwise = false);
std::optional<double> number_field(const Json& object, const char* key, double low, double high);
std::optional<std::int32_t> integer_field(const Json& object, const char* key, std::int32_t low,
                                          std::int32_t high = std::numeric_limits<std::int32_t>::max());

constexpr std::int32_t kMaxReplies = 16;
constexpr std::int32_t kMaxTopLogprobs = 20;

/// A body that is one JSON object, not absurdly deep or large.
Json parse_body(std::string_view body);

// -- parts of a request, each in a file of its name

std::vector<Message> messages_of(const Json& body);
/// tools, tool_choice, response_format, parallel_tool_calls.
void read_output(const Json& body, ChatRequest& request);
/// chat_template_kwargs, enable_thinking, reasoning_effort, add_generation_prompt, continue_final_message.
void read_template(const Json& body, ChatRequest& request);
/// temperature, top_p, top_k, seed, n, penalties, logit_bias.
void read_sampling(const Json& body, ChatRequest& request);
void read_logprobs(const Json& body, ChatRequest& request);  // logprobs, top_logprobs of a chat
std::vector<std::string> stop_of(const Json& body);
bool include_usage_of(const Json& body);
/// session, client_request_id, prompt_cache_key, user, turn_type, session_done, learning.
void read_session(const Json& body, const RequestHeaders& headers, ChatRequest& request);

}  // namespace clawrl::fields
