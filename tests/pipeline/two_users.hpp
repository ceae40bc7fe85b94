#pragma once
// Two simulated users who want the contrary of each other, and what a run with policy lines leaves of them.

#include <chrono>
#include <cmath>
#include <iostream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/line_tensors.hpp"
#include "frontend/raw_client.hpp"
#include "journal/journal_reader.hpp"
#include "pipeline/job_process.hpp"
#include "pipeline/run_record.hpp"
#include "pipeline/users.hpp"
#include "pipeline/workspace.hpp"
#include "samples/policy_lines.hpp"
#include "support/catch.hpp"

namespace clawrl::test {

inline constexpr std::int64_t every = INT64_MAX;
inline const std::string student = policy_line({.lines = "user"}, "", "student"),
                         contrarian = policy_line({.lines = "user"}, "", "contrarian");

inline std::vector<std::string> with(std::vector<std::string> arguments, const std::vector<std::string>& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

inline demo::UserSettings users_of(const ServerUrl& server) {
  demo::UserSettings users = talkative(server, 1);
  users.personas = {&demo::find_persona("student"), &demo::find_persona("contrarian")};
  return users;
}

/// Both users hold sessions until each line has at least `steps` steps.
inline void teach(const ServerUrl& server, const JournalReader& journal, int first, std::size_t steps) {
  for (int round = 0; round < 12; ++round) {
    for (const auto& reply : demo::hold_sessions(users_of(server), first + 8 * round, 8, [](const auto&) {}))
      REQUIRE(reply.served);
    wait_until_learned(server);
    std::map<std::string, std::size_t> done;
    for (const StepRecord& step : journal.steps(1, every)) ++done[step.line];
    if (done[student] >= steps && done[contrarian] >= steps) return;
  }
  FAIL("a line did not come to " << steps << " steps");
}

/// Three steps of each line, then every rank is killed.
inline void teach_and_crash(const std::string& out, const std::vector<std::string>& lines) {
  JobProcess job({.out = out, .arguments = lines});
  const ServerUrl server = job.wait_until_serving();
  teach(server, JournalReader(journal_of(out)), 0, 3);
  job.kill_all_ranks();
  job.wait(std::chrono::seconds(20));
}

inline std::set<std::string> lines_in(const std::map<std::string, std::vector<char>>& tensors) {
  std::set<std::string> lines;
  for (const auto& [name, bytes] : tensors)
    if (const std::string line = line_of_tensor(name); line != "main") lines.insert(line);
  return lines;
}

inline void erase_contrarian(const ServerUrl& server) {
  RawClient client(server.port);
  REQUIRE(client.send(http_post(R"({"user":"contrarian"})", "Connection: close\r\n", "/v1/user_data/erase")));
  client.read_to_end();
  REQUIRE(status_of(client.received) == 200);
}

/// Of first replies to held-out tasks: shares that satisfy the user, and that have a list, or bold text, or half of
/// both.
struct Replies {
  double satisfied = 0, marked = 0;
};

inline std::map<std::string, Replies> ask_both(const ServerUrl& server) {
  demo::UserSettings users = users_of(server);
  users.max_tokens = 128;
  constexpr int tasks = 30;
  std::map<std::string, Replies> of;
  for (const auto& reply : demo::ask_tasks(users, users.personas, tasks)) {
    REQUIRE(reply.served);
    const demo::Observed& seen = reply.grade.observed;
    of[reply.persona].satisfied += reply.grade.satisfied / double{tasks};
    of[reply.persona].marked += (seen.list + seen.bold) / (2 * double{tasks});
  }
  for (const auto& [persona, replies] : of)
    std::cout << persona << ": satisfied " << replies.satisfied << ", lists and bold text " << replies.marked << "\n";
  return of;
}

/// 30 sessions of each on the laptop's recipe: both get nearer to what they want, and further from each other.
inline void check_contraries(const char* name, const std::vector<std::string>& lines) {
  Workspace workspace(name);
  JobProcess job({.out = workspace.path("run"),
                  .config = "configs/basic/online_rl.ini",
                  .arguments = with(lines, {"--http.port=0", "--run.deterministic", "--trainer.learning_rate=1e-3",
                                            "--trainer.eps=1e-8", "--trainer.weight_decay=0.1", "--samples.batch=2",
                                            "--audit.every_versions=0"})});
  const ServerUrl server = job.wait_until_serving();
  const auto before = ask_both(server);
  demo::UserSettings users = users_of(server);
  users.max_tokens = 128;
  users.after_round = [&] { wait_until_learned(server); };
  for (const auto& reply : demo::hold_sessions(users, 0, 60, [](const auto&) {})) REQUIRE(reply.served);
  const auto after = ask_both(server);
  for (const char* persona : {"student", "contrarian"})
    CHECK(after.at(persona).satisfied > before.at(persona).satisfied);
  CHECK(std::abs(before.at("contrarian").marked - before.at("student").marked) < 0.3);
  CHECK(after.at("contrarian").marked - after.at("student").marked > 0.4);
  job.stop();
  REQUIRE(job.wait() == 0);
  workspace.done();
}

}  // namespace clawrl::test
