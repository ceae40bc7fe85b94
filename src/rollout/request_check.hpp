#pragma once
// What the engine does not take, said in words that can go to a client.

#include <cstdint>
#include <string>

#include "core/generation.hpp"

namespace clawrl {

/// Empty if the request can be run; else what is wrong and what is allowed. `context` = tokens of prompt + response.
std::string refusal(const GenerateRequest& request, std::int64_t vocabulary, std::int32_t context);

}  // namespace clawrl
