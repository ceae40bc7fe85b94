// The whole loop on one, three and eight ranks: students get replies, their feedback is judged and trained, and the
// new weights answer; afterwards the journal and the checkpoints account for all of it.

#include <algorithm>
#include <thread>

#include "frontend/openai_client.hpp"
#include "pipeline/job_process.hpp"
#include "pipeline/run_record.hpp"
#include "pipeline/users.hpp"
#include "pipeline/workspace.hpp"
#include "support/catch.hpp"

namespace clawrl::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seed = 3;

std::int64_t newest_version_used(const JournalReader& journal) {
  std::int64_t newest = 0;
  for (const Turn& turn : all_turns(journal))
    for (std::int64_t version : turn.completion.versions) newest = std::max(newest, version);
  return newest;
}

/// Sessions until the first replies of a later version are on record, at most `limit` of them.
std::vector<demo::ReplyRecord> learn(const ServerUrl& server, const JournalReader& journal, int limit) {
  std::vector<demo::ReplyRecord> replies;
  for (int first = 0; first < limit; first += 4) {
    for (auto& reply : hold(server, first, 4, seed)) replies.push_back(std::move(reply));
    if (first >= 8 && newest_version_used(journal) > 0) break;
  }
  return replies;
}

void run(int ranks, const std::string& layout) {
  Workspace workspace("whole_program_" + std::to_string(ranks));
  const std::string out = workspace.path("run");
  JobProcess job({.ranks = ranks, .out = out, .arguments = {"--run.seed=5"}});
  const ServerUrl server = job.wait_until_serving();
  REQUIRE(job.log().find(layout) != std::string::npos);
  const JournalReader journal(journal_of(out));
  const std::vector<demo::ReplyRecord> replies = learn(server, journal, 120);
  REQUIRE(job.wait_for("step 2 ", 60s));
  const std::string status = [&] {
    std::this_thread::sleep_for(1s);  // the figures are renewed twice a second
    return OpenAiClient(server).get("/status").body;
  }();
  job.stop();
  REQUIRE(job.wait() == 0);
  REQUIRE(job.ranks().empty());

  INFO(status);
  REQUIRE(status_number(status, "served") == static_cast<double>(replies.size()));
  for (const char* lost : {"refused", "cut", "invalid", "hung_up", "verdicts_failed"}) {
    INFO(lost);
    REQUIRE(status_number(status, lost) == 0);
  }
  REQUIRE(status_number(status, "steps") >= 2);
  REQUIRE(status_number(status, "versions_published") >= 1);
  REQUIRE(newest_version_used(journal) > 0);
  for (const auto& problems : {turn_problems(journal), step_problems(journal), reply_problems(journal, replies, seed),
                               checkpoint_problems(checkpoints_of(out), journal.summary().last_step)}) {
    INFO(joined(problems));
    REQUIRE(problems.empty());
  }
  workspace.done();
}

}  // namespace

TEST_CASE("one rank plays every role") {
  run(1, "clawrl: trainer 0, rollout 0, prm 0, head 0");
}
TEST_CASE("three ranks, one role each") {
  run(3, "clawrl: trainer 0, rollout 1, prm 2, head 0");
}
TEST_CASE("eight ranks: four trainers, two rollouts, two PRMs") {
  run(8, "clawrl: trainer 0-3, rollout 4-5, prm 6-7, head 0");
}

}  // namespace clawrl::test
