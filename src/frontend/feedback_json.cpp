#include "frontend/feedback_json.hpp"

#include <nlohmann/json.hpp>

#include "frontend/json_fields.hpp"

namespace clawrl {
namespace {

using namespace fields;

constexpr std::size_t kMaxNameBytes = 256;
constexpr std::size_t kMaxTextBytes = 64 << 10;

/// "" if not given; an id or a name is one line.
std::string name_field(const Json& body, const char* key) {
  std::string name = string_field(body, key, key);
  if (name.size() > kMaxNameBytes)
    refuse(key, std::string(key) + " is longer than " + std::to_string(kMaxNameBytes) + " bytes");
  for (unsigned char c : name)
    if (c < 0x20 || c == 0x7f) refuse(key, std::string(key) + " must not have control characters");
  return name;
}

std::string text_field(const Json& body, const char* key) {
  std::string text = string_field(body, key, key);
  if (text.size() > kMaxTextBytes)
    refuse(key, std::string(key) + " is longer than " + std::to_string(kMaxTextBytes) + " bytes");
  return text.find_first_not_of(" \t\r\n") == std::string::npos ? std::string() : text;
}

std::optional<double> score_of(const Json& body) {
  const auto score = number_field(body, "score", -1, 1);
  const std::string thumbs = string_field(body, "thumbs", "thumbs");
  if (thumbs.empty() && !find(body, "thumbs")) return score;
  if (thumbs != "up" && thumbs != "down") refuse_value("thumbs", "\"up\" or \"down\"", body["thumbs"]);
  const double thumb = thumbs == "up" ? 1 : -1;
  if (score && *score * thumb < 0)
    refuse("thumbs", "thumbs " + thumbs + " and score " + shown(body["score"]) + " say opposite things: send one");
  return score ? score : thumb;
}

/// "+02:00", "-0530" or "Z": minutes east of Greenwich.
std::int32_t offset_of(const Json& body) {
  const std::string text = string_field(body, "utc_offset", "utc_offset");
  if (text.empty() || text == "Z") return 0;
  std::string digits = text.substr(1);
  if (digits.size() == 5 && digits[2] == ':') digits.erase(2, 1);
  const bool shaped = (text[0] == '+' || text[0] == '-') && digits.size() == 4 &&
                      digits.find_first_not_of("0123456789") == std::string::npos;
  const int minutes = shaped ? 60 * std::stoi(digits.substr(0, 2)) + std::stoi(digits.substr(2)) : -1;
  if (!shaped || minutes > 14 * 60 || digits[2] > '5')
    refuse_value("utc_offset", "like \"+02:00\", from -14:00 to +14:00", body["utc_offset"]);
  return text[0] == '-' ? -minutes : minutes;
}

/// What is said of an error, and that there was one.
void take_blame(const Json& body, FeedbackRequest& request) {
  request.fault = text_field(body, "fault");
  request.severity = static_cast<std::int8_t>(integer_field(body, "severity", 1, 3).value_or(0));
  const char* const said = !request.fault.empty() ? "fault" : request.severity > 0 ? "severity" : nullptr;
  if (said != nullptr && request.score.value_or(-1) > -clear_score)
    refuse(said, std::string(said) + " tells of an error, yet thumbs or score do not say that the reply was bad");
}

void check_target(const FeedbackRequest& request) {
  if (!request.completion_id.empty()) {
    if (request.turn) refuse("turn", "turn goes with session_id; completion_id names a turn alone");
    if (!request.time.empty()) refuse("time", "time goes with session_id or text; completion_id names a turn alone");
    return;
  }
  if (request.turn && request.session.empty()) refuse("session_id", "turn needs session_id: whose turn is it?");
  if (request.turn && !request.time.empty()) refuse("time", "turn and time both say which turn: send one");
  const bool named = request.turn || !request.time.empty() || !request.text.empty();
  if (!request.session.empty() && !named)
    refuse("turn", "session_id alone names no turn: add turn (0, 1, ...), time, or text that tells which");
  if (!named)
    refuse("completion_id", "which turn? Send completion_id, or session_id with turn, or time, or text that tells");
}

}  // namespace

FeedbackRequest parse_feedback_request(std::string_view body) {
  const Json json = parse_body(body);
  FeedbackRequest request;
  request.id = name_field(json, "id");
  request.completion_id = name_field(json, "completion_id");
  request.session = name_field(json, "session_id");
  request.user = name_field(json, "user");
  request.turn = integer_field(json, "turn", 0);
  request.time = name_field(json, "time");
  request.utc_offset_minutes = offset_of(json);
  request.score = score_of(json);
  request.text = text_field(json, "text");
  request.correction = text_field(json, "correction");
  request.hint = text_field(json, "hint");
  take_blame(json, request);
  request.withdraw = bool_field(json, "withdraw");
  if (request.withdraw) {
    if (request.id.empty()) refuse("id", "withdraw needs the id of the feedback that is taken back");
    return request;
  }
  if (!request.score && request.severity == 0 && request.text.empty() && request.correction.empty() &&
      request.hint.empty() && request.fault.empty())
    refuse("thumbs", "nothing is said of the turn: send thumbs, score, text, correction, hint, fault or severity");
  check_target(request);
  return request;
}

std::string format_feedback(const FeedbackReceipt& receipt) {
  Json turns = Json::array();
  for (const CreditedTurn& turn : receipt.turns)
    turns.push_back({{"turn_id", turn.turn},
                     {"session_id", turn.session},
                     {"turn", turn.index},
                     {"completion_id", turn.completion_id},
                     {"confidence", turn.confidence},
                     {"learning", turn.learning}});
  const Json reason = receipt.reason.empty() ? Json(nullptr) : Json(receipt.reason);
  const Json json = {{"object", "feedback"},
                     {"id", receipt.id},
                     {"status", receipt.status},
                     {"turns", std::move(turns)},
                     {"reason", reason}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace clawrl
