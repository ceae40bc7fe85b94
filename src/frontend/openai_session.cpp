// What a request says about itself: which conversation, which turn of it, what may be kept of it.

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "frontend/json_fields.hpp"

namespace clawrl::fields {
namespace {

constexpr std::size_t kMaxIdBytes = 256;
constexpr std::size_t kMaxClientRequestIdBytes = 512;  // OpenAI's limit

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

bool among(const std::string& word, std::initializer_list<const char*> list) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::string checked(std::string id, const std::string& param, bool from_header, std::size_t most = kMaxIdBytes) {
  if (id.size() > most) refuse(param, param + " is longer than " + std::to_string(most) + " bytes");
  for (unsigned char c : id) {
    if (c < 0x20 || c == 0x7f) refuse(param, param + " must not have control characters");
    if (from_header && c > 0x7f) refuse(param, param + " must be ASCII");
  }
  return id;
}

std::string id_field(const Json& body, const char* name) {
  return checked(string_field(body, name, name), name, false);
}

/// All that are given are checked, the first one counts.
std::string session_of(const Json& body, const RequestHeaders& headers) {
  std::string found;
  const auto offer = [&](std::string id) {
    if (found.empty()) found = std::move(id);
  };
  if (headers.session_id) offer(checked(*headers.session_id, "X-Session-Id", true));
  if (headers.session_affinity) offer(checked(*headers.session_affinity, "x-session-affinity", true));
  if (headers.session_id_underscored) offer(checked(*headers.session_id_underscored, "session_id", true));
  offer(id_field(body, "session_id"));
  return found;
}

void read_turn(const Json& body, const RequestHeaders& headers, ChatRequest& request) {
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
  const bool yes = among(done, {"1", "true", "yes", "on"});
  if (!yes && !among(done, {"0", "false", "no", "off", ""}))
    refuse("X-Session-Done", "X-Session-Done must be true or false, not " + shown(Json(done)));
  request.session_done = yes;
}

Learning learning_named(const std::string& given, const std::string& param) {
  const std::string word = lower(given);
  if (among(word, {"on", "learn", "true", "1", "yes"})) return Learning::learn;
  if (among(word, {"store", "store_only", "store-only"})) return Learning::store;
  if (among(word, {"off", "none", "false", "0", "no"})) return Learning::off;
  refuse(param, param + " must be on, store or off, not " + shown(Json(given)));
}

bool for_session(const std::string& scope, const std::string& param) {
  const std::string word = lower(scope);
  if (word != "session" && word != "request")
    refuse(param, param + " must be session or request, not " + shown(Json(scope)));
  return word == "session";
}

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t");
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// "off" or "off; scope=session".
void read_learning_header(const std::string& header, ChatRequest& request) {
  const auto semicolon = std::min(header.find(';'), header.size());
  request.learning = std::max(request.learning, learning_named(trimmed(header.substr(0, semicolon)), "X-Learning"));
  if (semicolon == header.size()) return;
  const std::string rest = trimmed(header.substr(semicolon + 1));
  if (!lower(rest).starts_with("scope="))
    refuse("X-Learning", "X-Learning may add '; scope=session', not " + shown(Json(rest)));
  request.learning_for_session = for_session(rest.substr(6), "X-Learning's scope");
}

/// The strictest of what is said.
void read_learning(const Json& body, const RequestHeaders& headers, ChatRequest& request) {
  request.learning = bool_field(body, "store", true) ? Learning::learn : Learning::off;
  if (headers.learning) read_learning_header(*headers.learning, request);
  const Json* metadata = find(body, "metadata");
  if (!metadata) return;
  if (!metadata->is_object()) refuse_value("metadata", "an object", *metadata);
  if (const Json* word = find(*metadata, "learning")) {
    const std::string text = word->is_boolean() ? word->dump() : string_of(*word, "metadata.learning");
    request.learning = std::max(request.learning, learning_named(text, "metadata.learning"));
  }
  if (const Json* scope = find(*metadata, "learning_scope"))
    request.learning_for_session = for_session(string_of(*scope, "metadata.learning_scope"), "metadata.learning_scope");
}

}  // namespace

void read_session(const Json& body, const RequestHeaders& headers, ChatRequest& request) {
  request.session = session_of(body, headers);
  if (headers.client_request_id)
    request.client_request_id =
        checked(*headers.client_request_id, "x-client-request-id", true, kMaxClientRequestIdBytes);
  request.prompt_cache_key = id_field(body, "prompt_cache_key");
  request.user = id_field(body, "user");
  read_turn(body, headers, request);
  read_learning(body, headers, request);
}

}  // namespace clawrl::fields

namespace clawrl {

RequestHeaders request_headers(const std::function<std::optional<std::string>(const char*)>& header) {
  return {header("X-Session-Id"), header("X-Turn-Type"),         header("X-Session-Done"), header("x-session-affinity"),
          header("session_id"),   header("x-client-request-id"), header("X-Learning")};
}

}  // namespace clawrl
