// Simulated users over HTTP, against a server that writes the same reply to everybody.

#include <algorithm>
#include <array>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>

#include "demo/user_driver.hpp"
#include "frontend/http_server.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::demo;

namespace {

class OneReply : public ChatService {
 public:
  std::uint64_t start(ChatRequest request, std::shared_ptr<ChatSink> sink) override {
    sink->on_accepted({request.session, request.learning});
    sink->on_text("Certainly! It is **7**.");
    sink->on_finish("stop", {7, 5, 0, 0});
    const std::lock_guard lock(mutex_);
    requests_.push_back(std::move(request));
    return requests_.size();
  }
  void cancel(std::uint64_t) override {}
  std::vector<ModelCard> models() override { return {{"clawrl-demo", 1024, 1}}; }
  std::string health() override { return {}; }
  std::string status_json() override { return "{}"; }
  void feedback(FeedbackRequest request, Answer<FeedbackReceipt> answer) override {
    {
      const std::lock_guard lock(mutex_);
      told_.push_back(std::move(request));
    }
    answer({FeedbackReceipt{"f", "accepted", {}, ""}, {}});
  }
  std::vector<FeedbackRequest> told() {
    const std::lock_guard lock(mutex_);
    return told_;
  }
  std::vector<ChatRequest> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  std::mutex mutex_;
  std::vector<ChatRequest> requests_;
  std::vector<FeedbackRequest> told_;
};

HttpSettings quiet() {
  HttpSettings settings;
  settings.log = [](const std::string&) {};
  return settings;
}

UserSettings users_of(const HttpServer& server) {
  UserSettings users;
  users.server.port = server.port();
  users.personas = {&find_persona("student"), &find_persona("ta"), &find_persona("teacher")};
  users.habits.silent = 0;
  users.think_s = 0;
  return users;
}

}  // namespace

TEST_CASE("with an oracle the truth about each judged reply is given as feedback") {
  OneReply service;
  HttpServer server(quiet(), service);
  UserSettings users = users_of(server);
  hold_sessions(users, 0, 3, [](const ReplyRecord&) {});
  CHECK(service.told().empty());
  users.oracle = true;
  const auto records = hold_sessions(users, 0, 3, [](const ReplyRecord&) {});
  CHECK(std::all_of(records.begin(), records.end(), [](const ReplyRecord& r) { return r.served; }));
  REQUIRE(service.told().size() == 6);  // two judged replies each
  for (const FeedbackRequest& told : service.told()) {
    CHECK(told.score == -1.0);
    CHECK(told.session.find("-1-") != std::string::npos);
    CHECK((told.turn == 0 || told.turn == 1));
    if (!told.hint.empty()) CHECK(read_hint(told.hint));
    if (told.session.starts_with("teacher")) CHECK(told.hint == hint_text(Wish::warmer));
  }
}

TEST_CASE("sessions go round the personas, each judged by its own rule and voiced in its own words") {
  OneReply service;
  HttpServer server(quiet(), service);
  int seen = 0;
  const auto records = hold_sessions(users_of(server), 3, 6, [&](const ReplyRecord&) { ++seen; });
  CHECK(records.size() == 18);  // two complaints each, then the last reply
  CHECK(seen == 18);
  const std::array<std::string, 3> names = {"student", "ta", "teacher"};
  for (const ReplyRecord& r : records) {
    CHECK(r.persona == names[static_cast<std::size_t>(r.session) % 3]);
    CHECK(r.graded == (r.turn < 2));
    CHECK(r.served);
    CHECK_FALSE(r.grade.satisfied);
    CHECK_FALSE(r.grade.obeys);
  }
  for (const ChatRequest& request : service.requests()) {
    CHECK(request.turn_type == TurnType::main);
    CHECK(std::any_of(names.begin(), names.end(),
                      [&](const std::string& name) { return request.session.starts_with(name + "-1-"); }));
    CHECK(request.session_done == (request.messages.size() == 5));
  }
}

TEST_CASE("rounds of one session of each persona, with a word to the caller after each") {
  OneReply service;
  HttpServer server(quiet(), service);
  UserSettings users = users_of(server);
  std::set<int> seen;
  std::vector<std::size_t> at_the_end;
  users.after_round = [&] { at_the_end.push_back(seen.size()); };
  const auto records = hold_sessions(users, 0, 7, [&](const ReplyRecord& r) { seen.insert(r.session); });
  CHECK(at_the_end == std::vector<std::size_t>{3, 6, 7});
  for (std::size_t i = 1; i < records.size(); ++i) CHECK(records[i].session / 3 >= records[i - 1].session / 3);
  int rounds = 0;
  users.after_round = [&] { ++rounds; };
  hold_sessions(
      users, 0, 30, [](const ReplyRecord&) {}, [&] { return rounds < 2; });
  CHECK(rounds == 2);
}

TEST_CASE("held-out tasks are asked as side turns, so many of each persona, and the same ones again") {
  OneReply service;
  HttpServer server(quiet(), service);
  const UserSettings users = users_of(server);
  const auto before = ask_tasks(users, users.personas, 5), after = ask_tasks(users, users.personas, 5);
  REQUIRE(before.size() == 15);
  for (std::size_t i = 0; i < before.size(); ++i) {
    CHECK(before[i].task == after[i].task);
    CHECK(before[i].persona == after[i].persona);
    CHECK(before[i].graded);
  }
  CHECK(std::count_if(before.begin(), before.end(), [](const auto& r) { return r.persona == "ta"; }) == 5);
  for (const ChatRequest& request : service.requests()) {
    CHECK(request.turn_type == TurnType::side);
    CHECK(request.messages.size() == 1);
    CHECK(request.session.empty());
  }
}

TEST_CASE("a memory puts earlier complaints into the first message of later prompts, without it nothing is added") {
  OneReply service;
  HttpServer server(quiet(), service);
  UserSettings users = users_of(server);
  users.users = 1;
  const std::string mark = "[user's hint / instruction]\n";
  for (const int memory : {0, 1}) {
    users.memory = memory;
    hold_sessions(users, 0, 3, [](const ReplyRecord&) {});
    const auto asked = ask_tasks(users, {&find_persona("ta")}, 2);
    REQUIRE(asked.size() == 2);
    CHECK(asked[0].persona == "ta");
    const auto requests = service.requests();
    for (std::size_t i = requests.size() - 2; i < requests.size(); ++i) {
      const std::string& text = requests[i].messages[0].text;
      const auto at = text.find(mark);
      CHECK((at != std::string::npos) == (memory == 1));
      if (memory == 1) CHECK(text.find('\n', at + mark.size()) == std::string::npos);  // one complaint
    }
  }
}

TEST_CASE("what the benchmark reports is measured on tasks that it was not tuned on") {
  OneReply service;
  HttpServer server(quiet(), service);
  std::ifstream file(CLAWRL_SOURCE_DIR "/benchmarks/personalisation/seeds.json");
  const auto seeds = nlohmann::json::parse(file);
  const std::vector<const Persona*> joint = {&find_persona("student"), &find_persona("ta"), &find_persona("teacher")};
  const auto add_tasks = [&](const char* list, std::set<std::string>& tasks) {
    for (const std::uint64_t seed : seeds.at(list)) {
      UserSettings users = users_of(server);
      users.seed = seed;
      for (const auto& record : ask_tasks(users, joint, 200)) tasks.insert(record.task);
    }
  };
  std::set<std::string> tuning, reported;
  add_tasks("tuning", tuning);
  add_tasks("reported", reported);
  add_tasks("methods", reported);
  const auto common =
      std::count_if(reported.begin(), reported.end(), [&](const auto& t) { return tuning.contains(t); });
  INFO(common << " of " << reported.size() << " reported, " << tuning.size() << " tuning");
  CHECK(tuning.size() > 7000);
  CHECK(reported.size() > 11'000);
  CHECK(common == 0);
}
