#include "frontend/server_url.hpp"

#include <charconv>
#include <string_view>

#include "core/error.hpp"

namespace clawrl {

ServerUrl parse_server_url(const std::string& url) {
  const std::string wanted = "server URL '" + url + "' must look like http://host:port/v1";
  constexpr std::string_view scheme = "http://";
  require(url.starts_with(scheme), wanted + (url.starts_with("https://") ? " (no TLS here)" : ""));
  const std::string rest = url.substr(scheme.size());
  const std::string authority = rest.substr(0, rest.find('/'));
  ServerUrl server;
  if (authority.size() < rest.size()) server.prefix = rest.substr(authority.size());
  while (!server.prefix.empty() && server.prefix.back() == '/') server.prefix.pop_back();
  if (authority.size() + 1 == rest.size()) server.prefix = "/v1";  // only a slash
  const auto bracket = authority.find(']');                        // [::1]:30000
  const auto colon = authority.find(':', bracket == std::string::npos ? 0 : bracket);
  server.host = bracket == std::string::npos ? authority.substr(0, colon) : authority.substr(1, bracket - 1);
  if (colon != std::string::npos) {
    const char* end = authority.data() + authority.size();
    const auto [stop, error] = std::from_chars(authority.data() + colon + 1, end, server.port);
    require(error == std::errc() && stop == end, wanted);
  }
  require(!server.host.empty() && server.port >= 1 && server.port <= 65535, wanted);
  return server;
}

}  // namespace clawrl
