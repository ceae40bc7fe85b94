#pragma once
// Which path with which method means what.

#include <string>
#include <string_view>

namespace clawrl {

enum class Endpoint {
  chat,
  completions,
  models,
  model,  // /v1/models/<id>
  tokenize,
  detokenize,
  feedback,
  export_user,
  erase_user,
  health,
  ready,
  version,
  status,
  metrics,
  none
};

const char* name(Endpoint endpoint);

/// What a key must be good for.
enum class Access { open, chat, feedback, admin, own_data };  // own_data: chat for one's own, admin for anybody's
const char* name(Access access);

struct Route {
  Endpoint endpoint = Endpoint::none;
  std::string allow;     // methods, as in the Allow header; empty for an unknown path
  bool allowed = false;  // the method is one of them
  Access access = Access::open;
};

/// `target` as in the request line; a query string is ignored. HEAD goes where GET goes.
Route find_route(std::string_view method, std::string_view target);

std::string known_paths();  // for the 404's message

}  // namespace clawrl
