#pragma once
// Simulated users of a program under test.

#include <cstdint>
#include <vector>

#include "demo/user_driver.hpp"
#include "frontend/server_url.hpp"

namespace clawrl::test {

/// Students with short replies who always say something.
demo::UserSettings talkative(const ServerUrl& server, std::uint64_t seed = 3);
/// Their sessions first .. first + count - 1.
std::vector<demo::ReplyRecord> hold(const ServerUrl& server, int first, int count, std::uint64_t seed = 3);

/// Until no verdict, step, version or audit is on its way; at most two minutes.
void wait_until_learned(const ServerUrl& server);

}  // namespace clawrl::test
