// Export, erasure and retention as the head drives them.

#include <atomic>
#include <fstream>
#include <iterator>
#include <set>

#include "roles/clock.hpp"
#include "roles/desk_support.hpp"
#include "roles/user_data_desk.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;
using namespace std::chrono_literals;

namespace {

const std::string marker = "quokka-of-the-user";

struct Run {
  Folder folder;
  EventLoop loop;
  Journal journal{folder.file("journal.sqlite")};
  std::vector<TurnId> forgotten;
  std::set<std::pair<std::string, std::string>> users;  // whose data went as a whole
  std::vector<bool> asked;                              // of a generating turn of mia, key app
  std::atomic<int> copies{0};
  std::int64_t kept_step = 0;
  double clock = 0;
  std::unique_ptr<UserDataDesk> desk;

  explicit Run(std::int32_t retention_days = 0) {
    UserDataDesk::Seams seams;
    seams.forget_requests = [this](const std::function<bool(const Turn&)>& fits) {
      Turn generating;
      generating.key = "app";
      generating.user = "mia";
      generating.session = "app:s";
      asked.push_back(fits(generating));
    };
    seams.forget_turns = [this](const std::vector<TurnId>& ids) {
      forgotten.insert(forgotten.end(), ids.begin(), ids.end());
    };
    seams.forget_user = [this](const std::string& key, const std::string& user) { users.emplace(key, user); };
    seams.kept_step = [this] { return kept_step; };
    seams.copy_journal = [this] { ++copies; };
    desk =
        std::make_unique<UserDataDesk>(journal, loop, retention_days, std::make_shared<Redactor>(), std::move(seams));
  }
  ~Run() { desk.reset(); }

  TurnId turn(const std::string& key, const std::string& user, const std::string& session, double age_days = 0) {
    Turn one;
    one.id = journal.next_turn_id();
    one.key = key;
    one.user = user;
    one.session = session;
    one.messages = {{"user", marker, "", {}, ""}};
    one.reply = marker;
    one.created_s = unix_s() - 86400 * age_days;
    one.state = TurnState::answered;
    journal.save_turn(one);
    return one.id;
  }
  TurnId trained(const std::string& user, std::int64_t step, double age_days = 0) {
    const TurnId id = turn("app", user, "app:s", age_days);
    Verdict verdict;
    verdict.turn = id;
    verdict.hints = {marker};
    journal.save_verdict(verdict);
    TrainingSample sample;
    sample.id = {id, 0};
    journal.save_sample(sample);
    StepRecord record;
    record.step = record.version = step;
    record.samples = {{{id, 0}, false}};
    record.shards = {{0}};
    journal.plan_step(record).get();
    journal.finish_step(step, {}, "hash");
    return id;
  }
  /// The head's loop until `done`.
  template <class Done>
  void until(Done done) {
    for (int i = 0; i < 6000 && !done(); ++i) {
      loop.run(10ms);
      desk->tick(clock += 0.05);
    }
    REQUIRE(done());
  }
  template <class T, class Call>
  Outcome<T> answer_of(Call call) {
    const auto got = std::make_shared<std::optional<Outcome<T>>>();
    const auto mutex = std::make_shared<std::mutex>();
    call([got, mutex](Outcome<T> outcome) {
      const std::lock_guard lock(*mutex);
      *got = std::move(outcome);
    });
    until([&] {
      const std::lock_guard lock(*mutex);
      return got->has_value();
    });
    return **got;
  }
  ErasureReport erase(const UserDataRequest& request) {
    const auto outcome = answer_of<ErasureReport>([&](auto answer) { desk->erase(request, answer); });
    REQUIRE(outcome.value);
    return *outcome.value;
  }
  UserExport exported(const UserDataRequest& request) {
    const auto outcome = answer_of<UserExport>([&](auto answer) { desk->export_user(request, answer); });
    REQUIRE(outcome.value);
    return *outcome.value;
  }
  bool on_disk() const {
    for (const auto& entry : std::filesystem::directory_iterator(folder.path)) {
      std::ifstream file(entry.path(), std::ios::binary);
      if (std::string(std::istreambuf_iterator<char>(file), {}).find(marker) != std::string::npos) return true;
    }
    return false;
  }
};

UserDataRequest of(const std::string& key, const std::string& user, const std::string& session = "") {
  UserDataRequest request;
  request.key = key;
  request.user = user;
  request.session = session;
  return request;
}

}  // namespace

TEST_CASE("an erasure takes a user out of journal, memory and copies, and tells what was trained") {
  Run run;
  const TurnId a = run.trained("mia", 1), b = run.turn("app", "mia", "app:s"), c = run.turn("app", "tom", "app:t");
  const ErasureReport report = run.erase(of("app", "mia"));
  CHECK(report.turns == 2);
  CHECK(report.verdicts == 1);
  CHECK(report.samples == 1);
  CHECK(report.overwritten);
  REQUIRE(report.trained.size() == 1);
  CHECK(report.trained[0].turn == a.value);
  CHECK(report.trained[0].step == 1);
  CHECK(report.trained[0].version == 1);
  CHECK(run.forgotten == std::vector<TurnId>{a, b});
  CHECK(run.asked == std::vector<bool>{true});
  CHECK(run.copies == 1);
  CHECK(run.journal.turn(c));
  run.erase(of("app", "tom"));
  CHECK(run.asked == std::vector<bool>{true, false});
  CHECK_FALSE(run.on_disk());
}

TEST_CASE("a user's data as a whole: whose is told, also when no turn is left of it; a session is not") {
  Run run;
  run.turn("app", "mia", "app:s");
  run.turn("app", "tom", "app:t");
  run.erase(of("app", "mia", "s"));
  CHECK(run.users.empty());
  run.erase(of("app", "mia"));
  CHECK(run.users == std::set<std::pair<std::string, std::string>>{{"app", "mia"}});
  run.users.clear();
  run.erase(of("app", ""));
  CHECK(run.users == std::set<std::pair<std::string, std::string>>{{"app", ""}, {"app", "tom"}});
}

TEST_CASE("erasing again finds nothing and is no error; several wait in order") {
  Run run;
  run.turn("app", "mia", "app:s");
  int answers = 0;
  for (int i = 0; i < 3; ++i)
    run.desk->erase(of("", "mia"), [&](const Outcome<ErasureReport>& outcome) {
      REQUIRE(outcome.value);
      CHECK(outcome.value->turns == (answers == 0 ? 1 : 0));
      ++answers;
    });
  run.until([&] { return answers == 3; });
  CHECK_FALSE(run.desk->busy());
}

TEST_CASE("users and sessions are found as the request desk names them") {
  Run run;
  const std::string address = "mia@stone.org";
  run.turn("", Redactor().identifier(address), "chat-7");
  run.turn("app", "", "app:chat-7");
  CHECK(run.exported(of("", address)).turns.size() == 1);
  CHECK(run.exported(of("", "", "chat-7")).turns.size() == 1);
  CHECK(run.exported(of("app", "", "chat-7")).turns.size() == 1);
  CHECK(run.erase(of("", address)).turns == 1);
  CHECK(run.erase(of("app", "", "chat-7")).turns == 1);
  CHECK_FALSE(run.on_disk());
}

TEST_CASE("an export has pages") {
  Run run;
  std::vector<TurnId> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(i == 2 ? run.trained("mia", 1) : run.turn("app", "mia", "app:s"));
  UserDataRequest request = of("app", "mia");
  request.limit = 3;
  const UserExport first = run.exported(request);
  REQUIRE(first.turns.size() == 3);
  CHECK(first.next_after == ids[2].value);
  CHECK(first.turns[0].turn.messages[0].text == marker);
  REQUIRE(first.turns[2].samples.size() == 1);
  CHECK(first.turns[2].samples[0].step == 1);
  CHECK(first.turns[2].verdicts.size() == 1);
  request.after = first.next_after;
  const UserExport second = run.exported(request);
  CHECK(second.turns.size() == 2);
  CHECK(second.next_after == 0);
}

TEST_CASE("old turns go in the background, those that a restart would need do not yet") {
  Run run(30);
  std::vector<TurnId> old;
  for (int i = 0; i < 450; ++i) old.push_back(run.turn("app", "mia", "app:s", 31));
  const TurnId waits = run.trained("mia", 7, 31), young = run.turn("app", "mia", "app:s", 29);
  run.kept_step = 6;
  run.until([&] { return run.desk->expired() == 450; });
  CHECK(run.forgotten == old);
  CHECK(run.journal.turn(waits));
  CHECK(run.journal.turn(young));
  run.kept_step = 7;
  run.clock += 61;
  run.until([&] { return run.desk->expired() == 451; });
  CHECK_FALSE(run.journal.turn(waits));
  CHECK(run.journal.turn(young));
  CHECK(run.copies == 0);
}

TEST_CASE("without retention nothing goes") {
  Run run(0);
  run.turn("app", "mia", "app:s", 10000);
  for (int i = 0; i < 20; ++i) run.desk->tick(run.clock += 100);
  CHECK_FALSE(run.desk->busy());
  CHECK(run.desk->expired() == 0);
}
