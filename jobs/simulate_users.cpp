// Simulated users against an OpenAI-compatible server; writes what they saw as a report.

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <thread>

#include "config/parse.hpp"
#include "core/error.hpp"
#include "demo/learning_report.hpp"
#include "frontend/openai_client.hpp"

namespace {

using namespace clawrl;

volatile std::sig_atomic_t interrupted = 0;

struct Settings {
  demo::UserSettings users;
  std::vector<std::string> personas = {"student"}, asked;
  std::vector<const demo::Persona*> asked_personas;
  std::string voice;
  std::string url = "http://127.0.0.1:30000/v1", out = "out/simulate_users";
  std::int32_t sessions = 200, evaluate = 200, settle_s = 60, round_wait_s = 0;
};

void describe(SettingList& list, Settings& s) {
  list.add("users.url", s.url, "base URL of the server");
  list.add("users.model", s.users.model, "model name to ask for");
  list.add("users.personas", s.personas, "who they are, in turn: student, ta, teacher, contrarian");
  list.add("users.asked", s.asked, "personas whose held-out tasks are asked before and after; empty = users.personas");
  list.add("users.sessions", s.sessions, "sessions to hold, over all personas", at_least(0));
  list.add("users.evaluate", s.evaluate, "held-out tasks of each persona asked before and after; 0 = none",
           at_least(0));
  list.add("users.at_once", s.users.users, "users at the same time", between(1, 1024));
  list.add("users.think_s", s.users.think_s, "mean pause before a message, seconds", at_least(0));
  list.add("users.silent", s.users.habits.silent, "share of users who leave without a word", between(0, 1));
  list.add("users.wrong", s.users.habits.wrong, "share of users whose words contradict what they want", between(0, 1));
  list.add("users.inverted", s.users.habits.inverted,
           "share of users who praise what breaks their rule, reject what obeys it, and ask for nothing",
           between(0, 1));
  list.add("users.hostile", s.users.habits.hostile,
           "share of sessions held by a user 'hostile' who says the contrary and gives the judge orders besides",
           between(0, 1));
  list.add("users.noise", s.users.habits.noise, "share of users who praise and complain at random", between(0, 1));
  list.add("users.oracle", s.users.oracle,
           "the true verdict and wishes are given as feedback besides: a diagnostic of everything but the judge");
  list.add("users.memory", s.users.memory,
           "complaints about similar tasks that a client puts into its next prompts; 0 = no such memory",
           between(0, 8));
  list.add("users.voice", s.voice, "persona whose wishes all users voice; empty = their own");
  list.add("users.seed", s.users.seed, "of tasks, words and pauses");
  list.add("users.round_wait_s", s.round_wait_s,
           "after a session of each persona wait at most so long until the server has learned from them; 0 = go on at "
           "once, so that a slow machine learns from fewer sessions",
           at_least(0));
  list.add("users.settle_s", s.settle_s,
           "longest wait for the server's learning and its last audit before the second evaluation", at_least(0));
  list.add("users.out", s.out, "folder of report.json, report.txt and satisfaction.svg");
}

/// One refreshed line on a terminal, plain lines in a log.
class Progress {
 public:
  explicit Progress(int sessions) : sessions_(sessions), terminal_(isatty(STDOUT_FILENO) == 1) {}
  void take(const demo::ReplyRecord& r) {
    ++requests_;
    lost_ += !r.served;
    if (r.turn == 0 && r.graded) recent_.push_back(r.grade.satisfied);
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return;
    next_ = now + std::chrono::milliseconds(terminal_ ? 200 : 5000);
    double sum = 0;
    const std::size_t n = std::min<std::size_t>(recent_.size(), 20);
    for (std::size_t i = recent_.size() - n; i < recent_.size(); ++i) sum += recent_[i];
    std::cout << (terminal_ ? "\r\033[K" : "") << "session " << r.session + 1 << "/" << sessions_ << "  requests "
              << requests_ << "  lost " << lost_ << "  satisfied (last " << n << ") "
              << static_cast<int>(100 * sum / static_cast<double>(std::max<std::size_t>(1, n))) << " %"
              << (terminal_ ? "" : "\n") << std::flush;
  }
  void end() const {
    if (terminal_) std::cout << "\r\033[K" << std::flush;
  }

 private:
  int sessions_, requests_ = 0, lost_ = 0;
  bool terminal_;
  std::vector<bool> recent_;
  std::chrono::steady_clock::time_point next_{};
};

/// Until the server has learned what it was told. Its figures are up to half a second old, so that one of them that is
/// calm says nothing yet. `audited`: until nothing that is served now waits for an audit, too. False: the limit was
/// over.
bool wait_for_learning(OpenAiClient& client, int limit_s, bool audited) {
  using namespace std::chrono_literals;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(limit_s);
  for (int calm = 0; interrupted == 0 && std::chrono::steady_clock::now() < end;) {
    std::this_thread::sleep_for(600ms);
    const HttpReply status = client.get("/status");
    const bool busy = demo::learning_busy(status.body) || (audited && demo::audit_pending(status.body));
    calm = status.status == 200 && busy ? 0 : calm + 1;
    if (calm == 2) return true;
  }
  return false;
}

int run(const Settings& s) {
  OpenAiClient client(s.users.server, std::chrono::seconds(10));
  const HttpReply health = client.get("/health");
  require(health.status == 200, "no server answers at " + s.url + ": " + health.body);
  demo::LearningRecord record;
  std::cout << "asking " << s.evaluate << " held-out tasks of each persona before learning" << std::endl;
  record.before = demo::ask_tasks(s.users, s.asked_personas, s.evaluate);
  Progress progress(s.sessions);
  demo::UserSettings users = s.users;
  if (s.round_wait_s > 0) users.after_round = [&] { wait_for_learning(client, s.round_wait_s, false); };
  record.sessions = demo::hold_sessions(
      users, 0, s.sessions, [&](const auto& r) { progress.take(r); }, [] { return interrupted == 0; });
  progress.end();
  if (s.sessions > 0) record.settled = wait_for_learning(client, s.settle_s, true);
  if (!record.settled && s.settle_s > 0 && interrupted == 0)
    std::cout << "users.settle_s = " << s.settle_s << " s are over: the server still learns, or has an audit to do"
              << std::endl;
  std::cout << "asking the same tasks again" << std::endl;
  if (interrupted == 0) record.after = demo::ask_tasks(s.users, s.asked_personas, s.evaluate);
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // the server's figures are at most that old
  const HttpReply status = client.get("/status");
  if (status.status == 200) record.server_status = status.body;
  demo::write_report(record, s.out);
  std::cout << demo::to_text(record) << "written: " << s.out << "/report.json, satisfaction.svg" << std::endl;
  return interrupted == 0 ? 0 : 130;
}

}  // namespace

int main(int argc, char** argv) try {
  Settings settings;
  SettingList own;
  describe(own, settings);
  RunConfig config;
  std::string help;
  const JobDescription job{"simulate_users", "Simulated users, each with a taste of their own, over HTTP.", {}};
  if (!parse(argc, argv, job, config, help, &own)) {
    std::cout << help;
    return 0;
  }
  settings.users.personas.clear();
  for (const std::string& name : settings.personas) settings.users.personas.push_back(&demo::find_persona(name));
  require(!settings.users.personas.empty(), "users.personas: no persona is named");
  for (const std::string& name : settings.asked) settings.asked_personas.push_back(&demo::find_persona(name));
  if (settings.asked_personas.empty()) settings.asked_personas = settings.users.personas;
  if (!settings.voice.empty()) settings.users.habits.voice = &demo::find_persona(settings.voice);
  settings.users.server = parse_server_url(settings.url);
  std::error_code error;
  std::filesystem::create_directories(settings.out, error);
  require(!error, "users.out: cannot make the folder " + settings.out + ": " + error.message());
  std::signal(SIGINT, [](int) { interrupted = 1; });
  std::signal(SIGTERM, [](int) { interrupted = 1; });
  return run(settings);
} catch (const std::exception& error) {
  std::cerr << "simulate_users: " << error.what() << std::endl;
  return 1;
}
