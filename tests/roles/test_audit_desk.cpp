// What audits do to serving: the reference, who is audited when, going back and candidates.

#include "core/error.hpp"
#include "roles/audit_run.hpp"

using namespace clawrl;
using namespace clawrl::test;

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

TEST_CASE("the newest version is audited, too, once no other came for a while") {
  Audited a;
  a.audit(0, count);
  CHECK_FALSE(a.desk->pending());
  a.arrive(1);
  const double begin = monotonic_s(), quiet = audit_config().quiet_s;
  a.desk->tick(begin);
  CHECK(a.desk->pending());
  CHECK_FALSE(a.desk->busy());
  a.desk->tick(begin + quiet - 1);
  CHECK_FALSE(a.desk->busy());
  a.desk->tick(begin + quiet);
  CHECK(a.desk->busy());
  CHECK(a.under_audit() == 1);
  a.answer(count);
  CHECK_FALSE(a.desk->pending());
  CHECK(a.desk->good() == 1);
  a.arrive(2);
  a.desk->tick(begin + 2 * quiet);
  CHECK_FALSE(a.under_audit());  // it has only just come
  a.arrive(3);                   // two above the one that was audited
  a.audit(3, 0);
  CHECK(a.versions->announced() == 1);
  CHECK_FALSE(a.desk->pending());  // what is served has passed
}

TEST_CASE("while more is learned it is not quiet, however long a step takes") {
  Audited a;
  a.audit(0, count);
  a.arrive(1);
  const double begin = monotonic_s(), quiet = audit_config().quiet_s;
  a.learning = true;
  for (int i = 0; i < 5; ++i) {
    a.desk->tick(begin + i * quiet);
    CHECK(a.desk->pending());
    CHECK_FALSE(a.desk->busy());
  }
  a.learning = false;
  a.desk->tick(begin + 5 * quiet - 1);
  CHECK_FALSE(a.desk->busy());
  a.desk->tick(begin + 5 * quiet);
  CHECK(a.desk->busy());
}

TEST_CASE("without a quiet time the last versions of a run stay as they are") {
  Audited a(false, 0);
  a.audit(0, count);
  a.arrive(1);
  a.desk->tick(monotonic_s() + 1e6);
  CHECK_FALSE(a.desk->pending());
  CHECK_FALSE(a.desk->busy());
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

TEST_CASE("candidates are audited one by one, until one passes and is announced") {
  Audited a;
  a.hold_at_start();
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

TEST_CASE("no warning is given of a watched set that the reference hardly passes") {
  Audited a(true);
  a.audit(0, 0);
  CHECK(a.told("cases of set hints"));
  CHECK_FALSE(a.told("cases of set accuracy"));
}

TEST_CASE("a run without audits forgets the hold, once") {
  Audited a;
  CHECK_FALSE(AuditDesk::forget_hold(*a.journal));
  a.hold_at_start();
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
