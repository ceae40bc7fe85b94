#pragma once
// What a checkpoint's configuration text says of its model. Internal to convert/.

#include <string>

#include "config/run_config.hpp"

namespace clawrl {

/// The settings of the text over the defaults; names that this program does not know are passed over.
RunConfig settings_of(const std::string& configuration);

}  // namespace clawrl
