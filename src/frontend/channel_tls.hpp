#pragma once
// The TLS half of channel.hpp.

#include "frontend/channel.hpp"

namespace clawrl {

/// The context lives as long as the channel.
std::unique_ptr<Channel> make_tls_channel(Channel::Tcp::socket socket, std::shared_ptr<TlsContext> tls);

}  // namespace clawrl
