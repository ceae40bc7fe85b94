#pragma once
// What the tests of audits share: the desk with versions that arrive when told to, and replies that are right or not.

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "roles/audit_desk.hpp"
#include "roles/clock.hpp"
#include "roles/desk_support.hpp"
#include "roles/messages.hpp"
#include "support/catch.hpp"

namespace clawrl::test {

inline const char* const model = CLAWRL_SOURCE_DIR "/configs/models/policy";
inline constexpr int count = 20;

inline std::vector<HeldOutCase> audited_cases(bool watched = false) {
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

inline AuditConfig audit_config() {
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
  bool catching_up = false, learning = false;
  std::vector<HeldOutCase> cases_;
  double quiet_s_;

  explicit Audited(bool watched = false, double quiet_s = audit_config().quiet_s)
      : cases_(audited_cases(watched)), quiet_s_(quiet_s) {
    make();
  }
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
    AuditConfig config = audit_config();
    config.quiet_s = quiet_s_;
    AuditDesk::Seams seams;
    seams.dispatched = [this] { return newest; };
    seams.catching_up = [this] { return catching_up; };
    seams.learning = [this] { return learning; };
    seams.log = [this](const std::string& line) { lines.push_back(line); };
    seams.audited = [this](const AuditView& view) { ended.push_back(view.version); };
    seams.go_back = [this](std::int64_t good) { sent_back.push_back(good); };
    desk = std::make_unique<AuditDesk>(
        *journal, *versions, HeldOutRun(mailbox, tokenizer, chat_template, cases_, run, [](int) { return 0; }), config,
        std::move(seams));
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
  /// Version 2 fails: serving is held at the start.
  void hold_at_start() {
    audit(0, count);
    for (std::int64_t version : {1, 2}) arrive(version);
    audit(2, 0);
  }
  /// Version 2 passes and 4 fails: serving is held at 2.
  void hold_at_two() {
    audit(0, count);
    for (std::int64_t version : {1, 2}) arrive(version);
    audit(2, count);
    for (std::int64_t version : {3, 4}) arrive(version);
    audit(4, 0);
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

}  // namespace clawrl::test
