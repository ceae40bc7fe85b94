#pragma once
// Where an OpenAI-compatible server is.

#include <string>

namespace clawrl {

struct ServerUrl {
  std::string host = "127.0.0.1";
  int port = 80;
  std::string prefix = "/v1";  // before /chat/completions
};

/// "http://host[:port][/prefix]", e.g. http://127.0.0.1:30000/v1; without a path the prefix is /v1. Throws UserError.
ServerUrl parse_server_url(const std::string& url);

}  // namespace clawrl
