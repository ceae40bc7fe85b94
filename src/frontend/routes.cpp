#include "frontend/routes.hpp"

namespace clawrl {
namespace {

struct Entry {
  std::string_view path, method;  // a path that ends with <...> goes with anything in that place
  Endpoint endpoint;
  Access access;
};

constexpr Entry kEntries[] = {
    {"/v1/chat/completions", "POST", Endpoint::chat, Access::chat},
    {"/v1/completions", "POST", Endpoint::completions, Access::chat},
    {"/v1/models", "GET", Endpoint::models, Access::chat},
    {"/v1/models/<id>", "GET", Endpoint::model, Access::chat},
    {"/tokenize", "POST", Endpoint::tokenize, Access::chat},
    {"/detokenize", "POST", Endpoint::detokenize, Access::chat},
    {"/v1/feedback", "POST", Endpoint::feedback, Access::feedback},
    {"/v1/user_data/export", "POST", Endpoint::export_user, Access::own_data},
    {"/v1/user_data/erase", "POST", Endpoint::erase_user, Access::own_data},
    {"/health", "GET", Endpoint::health, Access::open},
    {"/healthz", "GET", Endpoint::health, Access::open},
    {"/ready", "GET", Endpoint::ready, Access::open},
    {"/version", "GET", Endpoint::version, Access::open},
    {"/status", "GET", Endpoint::status, Access::admin},
    {"/metrics", "GET", Endpoint::metrics, Access::admin},
};

bool matches(std::string_view pattern, std::string_view path) {
  const std::size_t open = pattern.find('<');
  if (open == std::string_view::npos) return pattern == path;
  return path.size() > open && path.substr(0, open) == pattern.substr(0, open);
}

}  // namespace

Route find_route(std::string_view method, std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  for (const Entry& entry : kEntries) {
    if (!matches(entry.path, path)) continue;
    const bool get = entry.method == "GET";
    const bool allowed = method == entry.method || (get && method == "HEAD");
    return {entry.endpoint, get ? "GET, HEAD, OPTIONS" : "POST, OPTIONS", allowed, entry.access};
  }
  return {};
}

const char* name(Endpoint endpoint) {
  static const char* const names[] = {"chat",       "completions", "models",      "model",      "tokenize",
                                      "detokenize", "feedback",    "export_user", "erase_user", "health",
                                      "ready",      "version",     "status",      "metrics",    "none"};
  return names[static_cast<int>(endpoint)];
}

const char* name(Access access) {
  static const char* const names[] = {"open", "chat", "feedback", "admin", "chat or admin"};
  return names[static_cast<int>(access)];
}

std::string known_paths() {
  std::string list;
  for (const Entry& entry : kEntries) {
    if (!list.empty()) list += ", ";
    list.append(entry.method).append(" ").append(entry.path);
  }
  return list;
}

}  // namespace clawrl
