#include <algorithm>
#include <nlohmann/json.hpp>

#include "frontend/json_fields.hpp"
#include "frontend/openai_json.hpp"

namespace clawrl {
namespace {

using namespace fields;

constexpr int kMaxDepth = 100;
constexpr std::size_t kMaxValues = 1'000'000;

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

}  // namespace

Json fields::parse_body(std::string_view body) {
  if (body.empty()) refuse("", "the request has no body; send a JSON object");
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

ParsedChat parse_chat_request(std::string_view body, const RequestHeaders& headers) {
  const Json json = parse_body(body);
  ParsedChat parsed;
  ChatRequest& request = parsed.request;
  request.model = string_field(json, "model", "model");
  if (request.model.empty()) refuse("model", "model is missing; GET /v1/models lists the names");
  request.messages = messages_of(json);
  read_output(json, request);
  read_template(json, request);
  read_sampling(json, request);
  read_logprobs(json, request);
  request.max_tokens = integer_field(json, "max_completion_tokens", 1);
  const auto old_name = integer_field(json, "max_tokens", 1);
  if (!request.max_tokens) request.max_tokens = old_name;
  request.stop = stop_of(json);
  request.stream = bool_field(json, "stream");
  parsed.include_usage = include_usage_of(json);
  read_session(json, headers, request);
  return parsed;
}

}  // namespace clawrl
