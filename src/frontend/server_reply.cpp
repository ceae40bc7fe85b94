#include "frontend/server_reply.hpp"

#include <nlohmann/json.hpp>

namespace clawrl {
namespace {

using Json = nlohmann::ordered_json;

const char* type_of(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 429:
      return "rate_limit_error";
    default:
      return status < 500 ? "invalid_request_error" : "server_error";
  }
}

Json or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

ChatError server_error(int status, const std::string& message) {
  return {status, type_of(status), status == 404 ? "not_found" : "", "", message};
}

std::string format_ready(const std::string& problem, const std::string& unrecorded) {
  Json json = {{"status", problem.empty() ? "ok" : "unavailable"}};
  if (!problem.empty()) json["reason"] = problem;
  if (!unrecorded.empty()) json["unrecorded"] = unrecorded;
  return dump(json);
}

std::string format_version(const std::string& model) {
  return dump(
      {{"name", "clawrl"}, {"version", CLAWRL_VERSION}, {"commit", or_null(CLAWRL_COMMIT)}, {"model", or_null(model)}});
}

}  // namespace clawrl
