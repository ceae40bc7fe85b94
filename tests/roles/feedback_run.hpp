#pragma once
// What the tests of the feedback desk share: the desk between a real journal, judge desk and step desk, wired as the
// head does it, and judges and trainers that answer when told to.

#include <future>

#include "roles/feedback_desk.hpp"
#include "roles/judge_desk.hpp"
#include "roles/step_run.hpp"
#include "support/catch.hpp"

namespace clawrl::test {

struct FeedbackRun {
  Run run;
  EventLoop loop;
  JudgeDesk judges;
  std::map<TurnId, Turn> generating;
  std::map<TurnId, TurnState> awaits;  // a verdict of the PRM
  std::unique_ptr<FeedbackDesk> desk;

  explicit FeedbackRun(const std::string& path, bool learning = true, RunConfig config = binary(1))
      : run(path, config), judges(run.mailbox, {5}, 1e6, [this](const Turn& turn, Verdict v) { on_judged(turn, v); }) {
    FeedbackDesk::Seams seams;
    seams.generating = [this](const FeedbackRequest& request) -> const Turn* {
      for (const auto& [id, turn] : generating)
        if (turn.completion_id == request.completion_id) return &turn;
      return nullptr;
    };
    seams.still_generating = [this](TurnId id) { return generating.contains(id); };
    seams.judge = [this](Turn turn, std::int32_t revision, GivenVerdict given) {
      judges.submit(std::move(turn), revision, std::move(given));
    };
    seams.judging = [this] { return judges.waiting(); };
    seams.refusal = [this](const Turn& turn) { return run.desk.refusal(turn); };
    seams.learn = [this](const Turn& turn, const Verdict& verdict) { return run.desk.add(turn, verdict); };
    seams.drop = [this](TurnId id, const std::string& reason) { run.desk.drop(id, reason); };
    seams.taking = [this](TurnId id) { return run.desk.taking(id); };
    seams.awaits_prm = [this](TurnId id) -> std::optional<TurnState> {
      return awaits.contains(id) ? std::optional(awaits[id]) : std::nullopt;
    };
    desk = std::make_unique<FeedbackDesk>(run.journal, loop, FeedbackConfig(), learning, std::move(seams));
  }
  ~FeedbackRun() { desk.reset(); }

  /// As Head::on_judged.
  void on_judged(const Turn& turn, Verdict verdict) {
    if (verdict.revision > 0) return desk->judged(turn, std::move(verdict));
    awaits.erase(turn.id);
    run.journal.save_verdict(verdict);
    const auto revision = desk->prm_revision(verdict);
    if (!revision) return;
    verdict.revision = *revision;
    if (*revision > 0) run.journal.save_verdict(verdict);
    run.desk.add(turn, verdict);
  }

  Turn turn(const std::string& completion, const std::string& key = "", const std::string& session = "s") {
    Turn one = run.answered_turn();
    one.session = session_of(key, session);
    one.index = static_cast<std::int32_t>(one.id.value);
    one.completion_id = completion;
    one.key = key;
    one.created_s = unix_s();
    one.reply = "the reply";
    one.messages = {{"user", "a question", "", {}, ""}};
    return one;
  }
  /// An answered turn in the journal whose next state is not known yet.
  Turn answered(const std::string& completion, const std::string& key = "") {
    const Turn one = turn(completion, key);
    run.journal.save_turn(one);
    awaits[one.id] = TurnState::answered;
    return one;
  }
  void prm_says(const Turn& turn, std::int8_t score) { on_judged(turn, Run::verdict_of(turn, score)); }

  template <class Done>
  bool until(Done done) {
    for (const double end = monotonic_s() + 60; monotonic_s() < end;) {
      if (done()) return true;
      loop.run(std::chrono::milliseconds(1));
    }
    return false;
  }
  Outcome<FeedbackReceipt> ask(FeedbackRequest request) {
    auto promise = std::make_shared<std::promise<Outcome<FeedbackReceipt>>>();
    auto future = promise->get_future();
    desk->start(std::move(request), [promise](Outcome<FeedbackReceipt> outcome) { promise->set_value(outcome); });
    REQUIRE(until([&] { return future.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }));
    return future.get();
  }
  FeedbackReceipt give(const FeedbackRequest& request) {
    const auto outcome = ask(request);
    INFO(outcome.error.message);
    REQUIRE(outcome.value);
    return *outcome.value;
  }
  FeedbackReceipt thumb(const std::string& completion, double score, const std::string& key = "",
                        const std::string& id = "") {
    FeedbackRequest request;
    request.id = id;
    request.key = key;
    request.completion_id = completion;
    request.score = score;
    return give(request);
  }
  FeedbackReceipt take_back(const std::string& id, const std::string& key = "") {
    FeedbackRequest request;
    request.id = id;
    request.key = key;
    request.withdraw = true;
    return give(request);
  }
  void settle() {
    REQUIRE(until([&] { return desk->waiting() == 0; }));
  }

  auto judged_turns() { return run.mailbox.take<messages::JudgeTurn>(); }
  /// The judge answers for one revision: with its vote, or the one that it was given.
  void judge(const messages::JudgeTurn& asked, std::int8_t vote, const std::string& error = "") {
    Verdict verdict;
    verdict.turn = asked.turn.id;
    verdict.revision = asked.revision;
    verdict.votes = {asked.given.vote ? asked.given.vote : std::optional(vote)};
    verdict.score = *verdict.votes[0];
    verdict.error = error;
    judges.take(verdict);
    settle();
  }
  void judge_all(std::int8_t vote = 0) {
    for (const auto& one : judged_turns()) judge(one.message, vote);
  }
  TurnState state(const Turn& turn) const { return run.journal.turn(turn.id)->state; }
  /// Ids of all samples that the due steps take.
  std::multiset<SampleId> train() {
    std::multiset<SampleId> taken;
    for (auto sent = run.next_step(); !sent.empty(); sent = run.next_step()) {
      taken.merge(ids_of(sent));
      run.finish(sent[0].message.batch);
      for (TurnId id : run.desk.last_fresh()) desk->taken(id);
    }
    return taken;
  }
};

using Samples = std::multiset<SampleId>;

}  // namespace clawrl::test
