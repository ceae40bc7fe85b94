#pragma once
// How the request desk says no.

#include <cstddef>
#include <string>
#include <utility>

#include "frontend/chat_service.hpp"

namespace clawrl {

inline ChatError invalid(int status, std::string code, std::string param, std::string message) {
  return {status, "invalid_request_error", std::move(code), std::move(param), std::move(message)};
}

/// Of real text, on average over a prompt; a message has one token at least.
inline constexpr std::size_t most_bytes_per_token = 64;

}  // namespace clawrl
