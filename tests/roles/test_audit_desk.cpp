// What audits do to serving: the reference, who is audited when, going back, candidates, and a restart.

#include "roles/audit_desk.hpp"

#include "core/error.hpp"
#include "roles/clock.hpp"
#include "roles/desk_support.hpp"
#include "roles/messages.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

const char* const model = CLAWRL_SOURCE_DIR "/configs/models/policy";
constexpr int count = 20;

std::vector<HeldOutCase> cases(bool watched = false) {
  std::vector<HeldOutCase> all(count);
  for (int i = 0; i < count; ++i) {
    HeldOutCase& one = all[static_cast<std::size_t>(i)];
    one.id = "case" + std::to_string(i);
    one.set = i % 2 == 0 ? "accuracy" : "hints";
    one.messages = {{"user", "How many apples?", "", {}, ""}};
    one.must = {"right"};
    one.watched = watched && one.set == "accuracy";
  }
  return all;
}

AuditConfig config() {
  AuditConfig c;
  c.every_versions = 2;
  c.concurrency = 64;
  return c;
}

struct Audited {
  Folder folder;
  std::unique_ptr<Journal> journal = std::make_unique<Journal>(folder.file("journal.sqlite"));
  RecordingMailbox mailbox;
  ServiceMeter meter;
  Tokenizer tokenizer = Tokenizer::load(std::string(model) + "/tokenizer.json");
  ChatTemplate chat_template = ChatTemplate::load(model);
  std::unique_ptr<VersionDesk> versions;
  std::unique_ptr<AuditDesk> desk;
  std::vector<std::string> lines;
  std::vector<std::int64_t> ended;
  std::vector<std::int64_t> sent_back;  // the trainers, to these
  std::int64_t newest = 0;
  bool catching_up = false;
  std::vector<HeldOutCase> cases_;

  explicit Audited(bool watched = false) : cases_(cases(watched)) { make(); }
  void make() {
    VersionDeskSettings v;
    v.trainers = {0};
    v.rollouts = {1};
    v.teachers = {2};
    versions = std::make_unique<VersionDesk>(mailbox, *journal, meter, v);
    HeldOutRunSettings run;
    run.rollouts = {1};
    run.stop_tokens = {1};
    run.concurrency = 64;
    AuditDesk::Seams seams;
    seams.dispatched = [this] { return newest; };
    seams.catching_up = [this] { return catching_up; };
    seams.log = [this](const std::string& line) { lines.push_back(line); };
    seams.audited = [this](const AuditView& view) { ended.push_back(view.version); };
    seams.go_back = [this](std::int64_t good) { sent_back.push_back(good); };
    desk = std::make_unique<AuditDesk>(
        *journal, *versions, HeldOutRun(mailbox, tokenizer, chat_template, cases_, run, [](int) { return 0; }),
        config(), std::move(seams));
  }
  void restart() {
    desk.reset();
    versions.reset();
    journal.reset();
    journal = std::make_unique<Journal>(folder.file("journal.sqlite"));
    mailbox.posted.clear();
    newest = 0;
    make();
    desk->resume();
  }
  void arrive(std::int64_t version) {
    newest = version;
    versions->made(version, version, unix_s());
    for (int rank : {1, 2}) versions->complete(rank, {version, 100, ""}, version);
  }
  /// The version that is being asked now; nothing when none is.
  std::optional<std::int64_t> under_audit() {
    for (int i = 0; i < 2; ++i) desk->tick(monotonic_s());  // one ends an audit, the next begins another
    for (const Posted& one : mailbox.posted)
      if (one.type == messages::Generate::type_id) return unpack<messages::Generate>(one.body).request.version;
    return std::nullopt;
  }
  /// Answers all that is asked, the first `right` cases as the rules want it.
  void answer(int right) {
    for (const auto& one : mailbox.take<messages::Generate>()) {
      CompletionDelta delta;
      delta.id = one.message.request.id;
      delta.part.ids = tokenizer.encode(right-- > 0 ? "That is right." : "No.", SpecialText::as_text);
      delta.part.finish = FinishReason::stop;
      desk->take({delta});
    }
    desk->tick(monotonic_s());
  }
  /// Asserts that this version is audited now, and answers.
  void audit(std::int64_t version, int right) {
    REQUIRE(under_audit() == version);
    answer(right);
  }
  bool told(const std::string& part) const {
    return std::any_of(lines.begin(), lines.end(),
                       [&](const std::string& line) { return line.find(part) != std::string::npos; });
  }
  std::vector<std::int64_t> retired() {
    std::vector<std::int64_t> all;
    for (const auto& one : mailbox.take<messages::RetireVersion>())
      if (one.rank == 1) all.push_back(one.message.version);
    return all;
  }
};

}  // namespace

TEST_CASE("the reference is measured first, then every second announced version, beside the service") {
  Audited a;
  CHECK(a.desk->busy());
  a.audit(0, count);
  CHECK_FALSE(a.under_audit());
  CHECK_FALSE(a.desk->busy());
  a.arrive(1);
  CHECK_FALSE(a.under_audit());
  a.arrive(2);
  a.audit(2, count);
  for (std::int64_t version : {3, 4, 5}) a.arrive(version);  // while nothing was audited: the newest one is
  a.audit(5, count);
  CHECK(a.versions->announced() == 5);
  CHECK_FALSE(a.versions->held());
  CHECK(a.ended == std::vector<std::int64_t>{0, 2, 5});
  CHECK(a.desk->view().passed == 2);
  const auto audits = a.journal->audits();
  REQUIRE(audits.size() == 6);
  CHECK(audits[0].result == "reference");
  CHECK(audits[5].version == 5);
  CHECK(audits[5].set == "hints");
  CHECK(audits[5].result == "passed");
  CHECK(audits[5].source == "online_rl");
}

TEST_CASE("a set that the reference hardly passes is warned of: it can show no loss") {
  Audited a;
  a.audit(0, 13);  // 7 of accuracy, 6 of hints
  CHECK_FALSE(a.told("set accuracy"));
  CHECK(a.told("version 0 passes only 6 cases of set hints"));
}

TEST_CASE("a version stays while it is audited, and the one that passed last stays to go back to") {
  Audited a;
  a.audit(0, count);
  for (std::int64_t version : {1, 2}) a.arrive(version);
  REQUIRE(a.under_audit() == 2);
  for (std::int64_t version : {3, 4, 5, 6}) a.arrive(version);
  CHECK(a.retired() == std::vector<std::int64_t>{1, 3, 4});
  a.answer(count);
  CHECK(a.retired() == std::vector<std::int64_t>{0});
  REQUIRE(a.under_audit() == 6);
  for (std::int64_t version : {7, 8, 9}) a.arrive(version);
  CHECK(a.retired() == std::vector<std::int64_t>{5, 7});
}

TEST_CASE("a failed audit takes serving back to the version that passed last, and says so everywhere") {
  Audited a;
  a.audit(0, count);
  for (std::int64_t version : {1, 2}) a.arrive(version);
  a.audit(2, count);
  for (std::int64_t version : {3, 4}) a.arrive(version);
  REQUIRE(a.under_audit() == 4);
  a.arrive(5);
  a.mailbox.take<messages::UseVersion>();
  a.answer(3);
  CHECK(a.versions->announced() == 2);
  CHECK(a.mailbox.take<messages::UseVersion>().front().message.version == 2);
  CHECK(a.desk->view().held_version == 2);
  CHECK(a.desk->view().rollbacks == 1);
  CHECK(a.desk->view().held_reason.find("version 4 failed its audit: accuracy 0.20 of 10 (reference 1.00") !=
        std::string::npos);
  CHECK(a.told("serving goes back to version 2"));
  CHECK(a.journal->events().back().kind == "audit_hold");
  CHECK(a.journal->audits().back().result == "failed");
  CHECK_FALSE(a.under_audit());  // 5 is gone; the next one made is the candidate
  CHECK(a.sent_back.empty());    // one failure may be chance
}

TEST_CASE("once a candidate fails the trainers go back, and no candidate of before is asked any more") {
  Audited a;
  a.audit(0, count);
  for (std::int64_t version : {1, 2}) a.arrive(version);
  a.audit(2, count);
  for (std::int64_t version : {3, 4}) a.arrive(version);
  a.audit(4, 0);
  a.arrive(5);
  a.audit(5, 0);
  CHECK(a.sent_back == std::vector<std::int64_t>{2});
  CHECK(a.desk->good() == 2);
  CHECK(a.told("the trainers go back to version 2 or before"));
  a.arrive(6);  // made before they did
  CHECK_FALSE(a.under_audit());
  CHECK(a.desk->busy());
  a.desk->went_back(7, 2);
  CHECK(a.desk->view().trainer_rollbacks == 1);
  CHECK_FALSE(a.under_audit());
  CHECK(a.versions->candidate() == 0);  // 6 is gone
  a.arrive(7);
  CHECK_FALSE(a.under_audit());  // it is not on disk yet
  CHECK(a.desk->busy());
  a.desk->way_back_ended();
  a.audit(7, count);
  CHECK(a.versions->announced() == 7);
  CHECK_FALSE(a.versions->held());
  CHECK(a.desk->good() == 7);
}

TEST_CASE("when what the trainers went back to fails, too, they go back further, also after a restart") {
  Audited a;
  a.audit(0, count);
  for (std::int64_t version : {1, 2}) a.arrive(version);
  a.audit(2, 0);
  a.arrive(3);
  a.audit(3, 0);
  a.desk->went_back(4, 0);
  a.arrive(4);
  a.desk->way_back_ended();
  a.audit(4, 0);
  CHECK(a.sent_back == std::vector<std::int64_t>{0, -1});
  a.restart();
  CHECK(a.desk->good() == -1);
}

TEST_CASE("trainers that cannot go back leave the next candidate its chance, and are asked again when it fails") {
  Audited a;
  a.audit(0, count);
  for (std::int64_t version : {1, 2}) a.arrive(version);
  a.audit(2, 0);
  a.arrive(3);
  a.audit(3, 0);
  a.desk->way_back_ended();
  a.arrive(4);
  a.audit(4, 0);
  CHECK(a.sent_back == std::vector<std::int64_t>{0, 0});
  a.desk->way_back_ended();
  a.arrive(5);
  a.audit(5, count);
  CHECK(a.versions->announced() == 5);
}

TEST_CASE("where the trainers can go back to outlives the process, where serving can does not") {
  Audited a;
  a.audit(0, count);
  for (std::int64_t version : {1, 2}) a.arrive(version);
  a.audit(2, count);
  for (std::int64_t version : {3, 4}) a.arrive(version);
  a.audit(4, 0);
  a.restart();
  CHECK(a.desk->view().held_version == 0);
  a.arrive(4);
  a.audit(0, count);
  a.audit(4, 0);
  CHECK(a.sent_back == std::vector<std::int64_t>{2});
}

TEST_CASE("candidates are audited one by one, until one passes and is announced") {
  Audited a;
  a.audit(0, count);
  for (std::int64_t version : {1, 2}) a.arrive(version);
  a.audit(2, 0);
  CHECK(a.versions->announced() == 0);
  a.arrive(3);
  CHECK(a.versions->announced() == 0);
  a.audit(3, 2);
  CHECK(a.desk->view().held_reason.find("version 3") != std::string::npos);
  CHECK(a.desk->view().rollbacks == 1);
  CHECK(a.desk->view().failed == 2);
  a.desk->way_back_ended();  // the trainers are as they were
  a.arrive(4);
  a.audit(4, count - 1);  // a lost case is within the margin
  CHECK(a.versions->announced() == 4);
  CHECK_FALSE(a.versions->held());
  CHECK(a.desk->view().held_version == -1);
  CHECK(a.desk->view().held_reason.empty());
  CHECK(a.told("version 4 passed its audit and is announced"));
  CHECK(a.journal->events().back().kind == "audit_release");
  a.arrive(5);
  CHECK(a.versions->announced() == 5);
}

TEST_CASE("a model whose every reply fails is held, with the reason of the first") {
  Audited a;
  a.audit(0, count);
  for (std::int64_t version : {1, 2}) a.arrive(version);
  REQUIRE(a.under_audit() == 2);
  for (const auto& one : a.mailbox.take<messages::Generate>()) {
    CompletionDelta delta;
    delta.id = one.message.request.id;
    delta.part.finish = FinishReason::failed;
    delta.part.error = "the model's logits are not finite";
    a.desk->take({delta});
  }
  a.desk->tick(monotonic_s());
  CHECK(a.desk->view().held_version == 0);
  CHECK(a.desk->view().held_reason.find("20 cases without a reply, the first: the model's logits are not finite") !=
        std::string::npos);
}

TEST_CASE("a hold outlives the process: version 0 is served until the restored version or a later one passes") {
  Audited a;
  a.audit(0, count);
  for (std::int64_t version : {1, 2}) a.arrive(version);
  a.audit(2, 0);
  a.arrive(3);
  a.restart();
  CHECK(a.versions->held());
  CHECK(a.desk->view().held_version == 0);
  CHECK(a.told("serving is still held, now at version 0"));
  a.arrive(3);
  CHECK(a.versions->announced() == 0);
  a.audit(0, count);
  a.audit(3, count);
  CHECK(a.versions->announced() == 3);
  a.restart();
  CHECK_FALSE(a.versions->held());
  a.arrive(3);
  CHECK(a.versions->announced() == 3);
}

TEST_CASE(
    "while a restart takes steps again that may be the bad ones no candidate of them is announced but the newest") {
  Audited a;
  a.audit(0, count);
  for (std::int64_t version : {1, 2}) a.arrive(version);
  a.audit(2, 0);
  a.restart();
  a.catching_up = true;
  a.arrive(1);  // what the checkpoint held; it would pass
  a.audit(0, count);
  CHECK_FALSE(a.under_audit());
  a.newest = 2;  // made again, and waits to be published
  a.versions->made(2, 2, unix_s());
  CHECK_FALSE(a.under_audit());
  a.catching_up = false;
  CHECK_FALSE(a.under_audit());
  for (int rank : {1, 2}) a.versions->complete(rank, {2, 100, ""}, 2);
  CHECK(a.versions->announced() == 0);
  a.audit(2, 0);
  CHECK(a.versions->held());
  CHECK(a.sent_back == std::vector<std::int64_t>{0});
}

TEST_CASE("no warning is given of a watched set that the reference hardly passes") {
  Audited a(true);
  a.audit(0, 0);
  CHECK(a.told("cases of set hints"));
  CHECK_FALSE(a.told("cases of set accuracy"));
}

TEST_CASE("a run without audits forgets the hold, once") {
  Audited a;
  CHECK_FALSE(AuditDesk::forget_hold(*a.journal));
  a.audit(0, count);
  for (std::int64_t version : {1, 2}) a.arrive(version);
  a.audit(2, 0);
  CHECK(AuditDesk::forget_hold(*a.journal));
  CHECK_FALSE(AuditDesk::forget_hold(*a.journal));
}

TEST_CASE("a desk that was stopped asks nothing and changes nothing") {
  Audited a;
  a.audit(0, count);
  for (std::int64_t version : {1, 2}) a.arrive(version);
  REQUIRE(a.under_audit() == 2);
  a.desk->stop();
  CHECK_FALSE(a.desk->busy());
  CHECK_FALSE(a.mailbox.take<messages::Cancel>().empty());
  a.mailbox.take<messages::Generate>();
  CHECK_FALSE(a.under_audit());
  CHECK(a.versions->announced() == 2);
}
