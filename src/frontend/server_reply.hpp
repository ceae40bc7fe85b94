#pragma once
// What the server answers by itself, without the service: errors, readiness, version.

#include <string>

#include "frontend/chat_service.hpp"

namespace clawrl {

/// Type and code follow from the status.
ChatError server_error(int status, const std::string& message);

/// GET /ready. `unrecorded`: why turns are served and not recorded, empty when they are.
std::string format_ready(const std::string& problem, const std::string& unrecorded);

/// GET /version: {"name": "clawrl", "version": "0.1.0", "commit": "5d388d2...", "model": ...}; what is not known is
/// null.
std::string format_version(const std::string& model);

}  // namespace clawrl
