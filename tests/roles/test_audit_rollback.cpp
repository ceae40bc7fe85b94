// When a candidate has failed, too: where the trainers go back to, what is asked meanwhile, and what a restart finds.

#include "core/error.hpp"
#include "roles/audit_run.hpp"

using namespace clawrl;
using namespace clawrl::test;

TEST_CASE("once a candidate fails the trainers go back, and no candidate of before is asked any more") {
  Audited a;
  a.hold_at_two();
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
  a.hold_at_start();
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
  a.hold_at_start();
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
  a.hold_at_two();
  a.restart();
  CHECK(a.desk->view().held_version == 0);
  a.arrive(4);
  a.audit(0, count);
  a.audit(4, 0);
  CHECK(a.sent_back == std::vector<std::int64_t>{2});
}

TEST_CASE("a hold outlives the process: version 0 is served until the restored version or a later one passes") {
  Audited a;
  a.hold_at_start();
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
  a.hold_at_start();
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
