#include "frontend/user_data_json.hpp"

#include <nlohmann/json.hpp>

#include "frontend/json_fields.hpp"

namespace clawrl {
namespace {

using namespace fields;

constexpr std::size_t kMaxIdBytes = 512;
constexpr std::int32_t kMaxTurns = 1000;

std::string id_field(const Json& body, const char* key) {
  std::string id = string_field(body, key, key);
  if (id.size() > kMaxIdBytes)
    refuse(key, std::string(key) + " is longer than " + std::to_string(kMaxIdBytes) + " bytes");
  return id;
}

Json json_of(const Message& message) {
  Json json = {{"role", message.role}, {"content", message.text}};
  if (!message.reasoning.empty()) json["reasoning_content"] = message.reasoning;
  if (!message.tool_call_id.empty()) json["tool_call_id"] = message.tool_call_id;
  for (const ToolCall& call : message.tool_calls)
    json["tool_calls"].push_back(
        {{"id", call.id}, {"type", "function"}, {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
  return json;
}

Json json_of(const std::vector<Message>& messages) {
  Json list = Json::array();
  for (const Message& message : messages) list.push_back(json_of(message));
  return list;
}

Json json_of(const Verdict& verdict) {
  Json votes = Json::array();
  for (const auto& vote : verdict.votes) votes.push_back(vote ? Json(*vote) : Json(nullptr));
  return {{"revision", verdict.revision}, {"origin", verdict.origin}, {"score", verdict.score}, {"votes", votes},
          {"hints", verdict.hints},       {"error", verdict.error}};
}

Json json_of(const ExportedSample& sample) {
  Json json = {{"revision", sample.revision}, {"origin", sample.origin}, {"excluded", sample.exclusion},
               {"version", sample.version},   {"tokens", sample.tokens}, {"created", sample.created_s}};
  if (sample.step > 0) json["trained"] = {{"step", sample.step}, {"version", sample.step_version}};
  return json;
}

Json json_of(const ExportedFeedback& feedback) {
  return {{"id", feedback.id},
          {"revision", feedback.revision},
          {"score", feedback.scored ? Json(feedback.score) : Json(nullptr)},
          {"text", feedback.text},
          {"correction", feedback.correction},
          {"hint", feedback.hint},
          {"fault", feedback.fault},
          {"severity", feedback.severity},
          {"source", feedback.source},
          {"outcome", feedback.outcome},
          {"created", feedback.created_s},
          {"withdrawn", feedback.withdrawn_s > 0 ? Json(feedback.withdrawn_s) : Json(nullptr)}};
}

Json json_of(const ExportedTurn& one);

template <class T>
Json list_of(const std::vector<T>& values) {
  Json list = Json::array();
  for (const T& value : values) list.push_back(json_of(value));
  return list;
}

Json json_of(const ExportedTurn& one) {
  const Turn& turn = one.turn;
  return {{"turn_id", turn.id.value},
          {"session", turn.session},
          {"turn", turn.index},
          {"type", turn.type == TurnType::main ? "main" : "side"},
          {"completion_id", turn.completion_id},
          {"key", turn.key},
          {"user", turn.user},
          {"model", turn.model},
          {"created", turn.created_s},
          {"learning", name(turn.learning)},
          {"state", name(turn.state)},
          {"excluded", turn.exclusion},
          {"messages", json_of(turn.messages)},
          {"tools", turn.tools},
          {"template_arguments", turn.template_arguments},
          {"reply", json_of(turn.reply_message)},
          {"reply_as_written", turn.reply},
          {"next_state", json_of(turn.next_state)},
          {"verdicts", list_of(one.verdicts)},
          {"samples", list_of(one.samples)},
          {"feedback", list_of(one.feedback)}};
}

std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

UserDataRequest parse_user_data_request(std::string_view body, const std::string& own_key) {
  const Json json = parse_body(body);
  UserDataRequest request;
  request.key = id_field(json, "key");
  request.user = id_field(json, "user");
  request.session = id_field(json, "session_id");
  if (const auto after = number_field(json, "after", 0, 9e15)) request.after = static_cast<std::int64_t>(*after);
  if (const auto limit = integer_field(json, "limit", 1)) request.limit = *limit;
  if (request.limit > kMaxTurns) refuse("limit", "limit must be 1 to " + std::to_string(kMaxTurns));
  if (!own_key.empty()) {
    if (!request.key.empty() && request.key != own_key)
      throw RequestError(
          {403, "permission_error", "", "key", "without the role admin a key reaches its own data only"});
    request.key = own_key;
  }
  if (request.key.empty() && request.user.empty() && request.session.empty())
    refuse("user", "whose data? Send user, key or session_id");
  return request;
}

std::string format_export(const UserExport& data) {
  return text_of({{"object", "user_data"},
                  {"turns", list_of(data.turns)},
                  {"next_after", data.next_after > 0 ? Json(data.next_after) : Json(nullptr)}});
}

std::string format_erasure(const ErasureReport& report) {
  Json trained = Json::array();
  for (const TrainedVersion& one : report.trained)
    trained.push_back({{"turn_id", one.turn}, {"step", one.step}, {"version", one.version}});
  return text_of({{"object", "user_data.erased"},
                  {"turns", report.turns},
                  {"verdicts", report.verdicts},
                  {"samples", report.samples},
                  {"feedback", report.feedback},
                  {"trained", trained},
                  {"overwritten", report.overwritten}});
}

}  // namespace clawrl
