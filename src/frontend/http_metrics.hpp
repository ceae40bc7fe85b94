#pragma once
// The server's own part of GET /metrics.

#include <string>

#include "frontend/server_context.hpp"

namespace clawrl {

std::string http_metrics(const ServerContext& context);

}  // namespace clawrl
