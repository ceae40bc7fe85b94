#pragma once
// Reading the fields of a JSON request, for the frontend's .cpp files only. What is wrong is refused by the field's
// name: every function throws RequestError with `param`.

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
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
std::optional<std::int32_t> integer_field(const Json& object, const char* key, std::int32_t low);

// -- parts of a request (openai_messages.cpp, openai_output.cpp)

std::vector<Message> messages_of(const Json& body);
/// tools, tool_choice, response_format, parallel_tool_calls.
void read_output(const Json& body, ChatRequest& request);
/// chat_template_kwargs, enable_thinking, reasoning_effort, add_generation_prompt, continue_final_message.
void read_template(const Json& body, ChatRequest& request);

}  // namespace clawrl::fields
