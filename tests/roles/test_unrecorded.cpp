// A journal that has failed: requests are answered unrecorded, or refused when the policy demands a record.

#include "roles/request_run.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

void fail_journal(LiveRequests& live) {
  live.journal.set_turn_state({1'000'000}, TurnState::judging);  // of no turn
  REQUIRE_FALSE(live.journal.sync(20s));
  REQUIRE(live.journal.failed());
}

}  // namespace

TEST_CASE("serving goes on unrecorded") {
  LiveRequests live;
  const auto running = live.start(1, LiveRequests::request("How many?", "s"));
  fail_journal(live);
  live.tokens(1, "three", FinishReason::stop);
  live.wait(*running);
  CHECK(running->reason == "stop");
  for (std::uint64_t ticket = 2; ticket < 600; ++ticket) {  // beyond the ids that were reserved
    const auto sink = live.start(ticket, LiveRequests::request("How many?", "s" + std::to_string(ticket)));
    live.tokens(ticket, "four", FinishReason::stop);
    live.wait(*sink);
    REQUIRE(sink->reason == "stop");
    REQUIRE(sink->text == "four");
  }
  const auto left = live.start(600, LiveRequests::request());
  live.desk.cancel(600);
  CHECK(live.desk.active() == 0);
  CHECK(live.journal.turns_of("s").empty());
}

TEST_CASE("when a record is demanded, what would be recorded is refused") {
  RequestDeskSettings settings = LiveRequests::standard();
  settings.refuse_unrecorded = true;
  LiveRequests live(settings);
  const auto running = live.start(1, LiveRequests::request());
  fail_journal(live);
  live.tokens(1, "three", FinishReason::stop);
  live.wait(*running);
  CHECK(running->error.status == 503);
  CHECK(running->error.code == "journal_failed");
  const auto next = live.start(2, LiveRequests::request());
  CHECK(next->error.status == 503);
  CHECK(next->error.message.find("run.unrecorded = refuse") != std::string::npos);
  CHECK(live.desk.active() == 0);
  ChatRequest request = LiveRequests::request();
  request.learning = Learning::off;  // would not be recorded anyhow
  const auto private_one = live.start(3, request);
  live.tokens(3, "four", FinishReason::stop);
  live.wait(*private_one);
  CHECK(private_one->reason == "stop");
}
