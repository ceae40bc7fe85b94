// Verdicts of users with wishes wait until what they say has agreed with their wishes.

#include <algorithm>

#include "roles/feedback_run.hpp"
#include "roles/step_run.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

struct TrustRun {
  std::vector<std::pair<TurnId, std::string>> told = {};  // of samples and of why there is none
  Run run;
  explicit TrustRun(const std::string& path, const RunConfig& config = settings()) : run(path, config) {
    run.desk.on_sampled = [this](const Turn& turn, const Verdict&, const std::string& why) {
      told.emplace_back(turn.id, why);
    };
  }
  static RunConfig settings() {
    RunConfig config = binary(1);
    config.samples.weighting.trusted_after = 2;
    config.samples.weighting.most_contradictions = 0.4;
    return config;
  }
  std::vector<TurnId> sampled() const {
    std::vector<TurnId> ids;
    for (const TrainingSample& sample : run.journal.unused_samples()) ids.push_back(sample.id.turn);
    return ids;
  }
};

}  // namespace

TEST_CASE("what a user said waits until enough of it agrees, and then counts with all that waited, in order") {
  Folder folder;
  TrustRun trust(folder.file("journal.sqlite"));
  const TurnId first = trust.run.complained("eve", {}), second = trust.run.complained("eve", 0.9F);
  const TurnId other = trust.run.complained("bob", {});
  CHECK(trust.run.desk.waiting_for_trust() == 3);
  CHECK(trust.told.empty());
  CHECK(trust.run.run_steps() == 0);
  const TurnId third = trust.run.complained("eve", 0.8F);
  CHECK(trust.run.desk.waiting_for_trust() == 1);
  CHECK(trust.told == std::vector<std::pair<TurnId, std::string>>{{first, ""}, {second, ""}, {third, ""}});
  CHECK(trust.sampled() == std::vector<TurnId>{first, second, third});
  const TurnId fourth = trust.run.complained("eve", {});  // she is known now
  CHECK(trust.sampled().back() == fourth);
  CHECK(trust.run.run_steps() == 4);
  CHECK(trust.run.journal.turn(other)->state == TurnState::scored);
}

TEST_CASE("words without a wish do not wait, and what waits goes on waiting") {
  Folder folder;
  TrustRun trust(folder.file("journal.sqlite"));
  const TurnId wish = trust.run.complained("eve", {}), praise = trust.run.judged(1, "eve");
  CHECK(trust.run.desk.waiting_for_trust() == 1);
  CHECK(trust.sampled() == std::vector<TurnId>{praise});
  trust.run.complained("eve", 0.9F);
  trust.run.complained("eve", 0.9F);
  CHECK(trust.run.desk.waiting_for_trust() == 0);
  const auto all = trust.sampled();
  CHECK(std::find(all.begin(), all.end(), wish) != all.end());
}

TEST_CASE("a newcomer's votes wait for their wishes, and are learned from where there are none") {
  Folder folder;
  RunConfig config = TrustRun::settings();
  config.samples.weighting.newcomer_samples = 3;
  TrustRun trust(folder.file("journal.sqlite"), config);
  const TurnId eves = trust.run.judged(1, "eve"), bobs = trust.run.judged(1, "bob");
  CHECK(trust.run.desk.waiting_for_trust() == 2);
  trust.run.complained("bob", {});
  trust.run.complained("bob", -0.9F);
  trust.run.complained("bob", -0.9F);
  CHECK(trust.run.journal.turn(bobs)->exclusion == "unsteady");
  const TurnId second = trust.run.judged(1, "eve"), third = trust.run.judged(1, "eve");
  CHECK(trust.sampled() == std::vector<TurnId>{eves, second, third});
  CHECK(trust.run.desk.waiting_for_trust() == 0);
}

TEST_CASE("who turns out to be unsteady is not learned from, and what waited says why") {
  Folder folder;
  TrustRun trust(folder.file("journal.sqlite"));
  const TurnId first = trust.run.complained("eve", {}), second = trust.run.complained("eve", -0.9F);
  CHECK(trust.run.desk.waiting_for_trust() == 2);  // it may have been a slip
  const TurnId third = trust.run.complained("eve", -0.9F);
  CHECK(trust.run.desk.waiting_for_trust() == 0);
  CHECK(trust.told ==
        std::vector<std::pair<TurnId, std::string>>{{first, "unsteady"}, {second, "unsteady"}, {third, "unsteady"}});
  CHECK(trust.run.journal.turn(first)->exclusion == "unsteady");
  CHECK(trust.sampled().empty());
}

TEST_CASE("what is erased or outranked waits no longer") {
  Folder folder;
  TrustRun trust(folder.file("journal.sqlite"));
  const TurnId gone = trust.run.complained("eve", {}), kept = trust.run.complained("eve", 0.9F);
  trust.run.desk.drop(gone, "erased");
  const TurnId last = trust.run.complained("eve", 0.9F);
  CHECK(trust.sampled() == std::vector<TurnId>{kept, last});
}

TEST_CASE("what waits when the process ends waits again, and its user's standing is in the checkpoint") {
  Folder folder;
  const std::string path = folder.file("journal.sqlite");
  std::string standing;
  TurnId first, second;
  {
    TrustRun trust(path);
    first = trust.run.complained("eve", {});
    second = trust.run.complained("eve", 0.9F);
    standing = trust.run.desk.weights().text();
  }
  TrustRun trust(path);
  trust.run.desk.resume_from(0, 0, &trust.run.journal, false);
  trust.run.desk.weights().restore(standing);
  trust.run.desk.restore_waiting();
  CHECK(trust.run.desk.waiting_for_trust() == 2);
  const TurnId third = trust.run.complained("eve", 0.9F);
  CHECK(trust.sampled() == std::vector<TurnId>{first, second, third});
}

TEST_CASE("feedback on a trained turn that waits when the process ends waits again, and its receipt follows") {
  Folder folder;
  const std::string path = folder.file("journal.sqlite");
  Turn turn;
  std::string standing;
  {
    FeedbackRun first(path, true, TrustRun::settings());
    turn = first.answered("c", "k");
    first.prm_says(turn, 1);
    CHECK(first.train().size() == 1);
    first.thumb("c", -1, "k");
    Verdict verdict = Run::verdict_of(turn);
    verdict.revision = 1;
    verdict.hints = {"Be brief."};
    verdict.chosen_hint = 0;
    first.judges.take(verdict);
    first.settle();
    CHECK(first.run.desk.waiting_for_trust() == 1);
    CHECK(first.state(turn) == TurnState::trained);
    CHECK(first.run.journal.feedback_on(turn.id).at(0).outcome == "sampled");
    standing = first.run.desk.weights().text();
  }
  FeedbackRun second(path, true, TrustRun::settings());
  second.run.desk.resume_from(1, 1, &second.run.journal, false);
  second.run.desk.weights().restore(standing);
  second.run.desk.restore_waiting();
  CHECK(second.run.desk.waiting_for_trust() == 1);
  for (const char* session : {"d", "e"}) {
    const Turn other = second.answered(session, "k");
    Verdict against = Run::verdict_of(other);
    against.hints = {"Write more."};
    against.chosen_hint = 0;
    against.hint_agreement = -0.9F;
    second.on_judged(other, against);
  }
  CHECK(second.run.desk.waiting_for_trust() == 0);
  CHECK(second.run.journal.feedback_on(turn.id).at(0).outcome == "unsteady");
}
