#pragma once
// From [http] of the configuration to what the server takes.

#include "config/run_config.hpp"
#include "frontend/http_settings.hpp"

namespace clawrl {

/// Reads the key file and the environment. Throws UserError that names the setting.
HttpSettings http_settings(const HttpConfig& config);

}  // namespace clawrl
