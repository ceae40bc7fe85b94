#include "frontend/routes.hpp"

namespace clawrl {
namespace {

struct Entry {
  std::string_view path, method;
  Endpoint endpoint;
  bool guarded;
};

constexpr Entry kEntries[] = {
    {"/v1/chat/completions", "POST", Endpoint::chat, true},
    {"/v1/models", "GET", Endpoint::models, true},
    {"/health", "GET", Endpoint::health, false},
    {"/healthz", "GET", Endpoint::health, false},
    {"/status", "GET", Endpoint::status, true},
};

}  // namespace

Route find_route(std::string_view method, std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  for (const Entry& entry : kEntries) {
    if (entry.path != path) continue;
    const bool get = entry.method == "GET";
    const bool allowed = method == entry.method || (get && method == "HEAD");
    return {entry.endpoint, get ? "GET, HEAD, OPTIONS" : "POST, OPTIONS", allowed, entry.guarded};
  }
  return {};
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
