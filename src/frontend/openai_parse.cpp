#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "frontend/json_fields.hpp"
#include "frontend/openai_json.hpp"

namespace clawrl {
namespace {

using namespace fields;

constexpr int kMaxDepth = 100;
constexpr std::size_t kMaxValues = 1'000'000;
constexpr std::size_t kMaxSessionBytes = 256;
constexpr std::size_t kMaxStops = 16;

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
    sampling.seed =
        seed->is_number_unsigned() ? seed->get<std::uint64_t>() : static_cast<std::uint64_t>(seed->get<std::int64_t>());
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
  read_output(json, request);
  read_template(json, request);
  read_sampling(json, request);
  request.stop = stop_of(json);
  request.stream = bool_field(json, "stream");
  parsed.include_usage = include_usage_of(json);
  read_session(json, headers, request);
  read_turn(json, headers, request);
  return parsed;
}

}  // namespace clawrl
