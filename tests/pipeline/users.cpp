#include "pipeline/users.hpp"

#include <chrono>
#include <thread>

#include "demo/learning_report.hpp"
#include "frontend/openai_client.hpp"
#include "support/catch.hpp"

namespace clawrl::test {

using namespace std::chrono_literals;

demo::UserSettings talkative(const ServerUrl& server, std::uint64_t seed) {
  demo::UserSettings users;
  users.server = server;
  users.users = 4;
  users.think_s = 0;
  users.habits.silent = 0;
  users.max_tokens = 48;
  users.seed = seed;
  return users;
}

std::vector<demo::ReplyRecord> hold(const ServerUrl& server, int first, int count, std::uint64_t seed) {
  return demo::hold_sessions(talkative(server, seed), first, count, [](const demo::ReplyRecord&) {});
}

void wait_until_learned(const ServerUrl& server) {
  OpenAiClient client(server, 10s);
  for (int i = 0; i < 120; ++i) {
    std::this_thread::sleep_for(1s);  // the figures are renewed twice a second
    if (!demo::learning_busy(client.get("/status").body)) return;
  }
  FAIL("learning or audits are still under way after two minutes");
}

}  // namespace clawrl::test
