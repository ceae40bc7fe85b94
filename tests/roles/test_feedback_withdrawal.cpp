// Feedback that is taken back, replaced or cannot be judged, and restarts in between.

#include "roles/feedback_run.hpp"

using namespace clawrl;
using namespace clawrl::test;

TEST_CASE("withdrawn before training: the PRM's verdict counts again as a new revision") {
  Folder folder;
  FeedbackRun run(folder.file("journal.sqlite"), true, binary(2));
  const Turn turn = run.answered("c1");
  run.prm_says(turn, 1);
  const auto given = run.thumb("c1", -1);
  run.judge_all();
  const auto receipt = run.take_back(given.id);
  CHECK(receipt.status == "withdrawn");
  CHECK(receipt.turns.at(0).learning == "withdrawn");
  CHECK(run.take_back(given.id).status == "withdrawn");  // once more changes nothing
  const auto newest = run.run.journal.newest_verdict(turn.id);
  CHECK(newest->revision == 2);
  CHECK(newest->score == 1);
  CHECK(newest->origin == "prm");
  const Turn other = run.answered("c2");
  run.prm_says(other, 1);
  CHECK(run.train() == Samples{{turn.id, 2}, {other.id, 0}});
}

TEST_CASE("withdrawn before training without another verdict: excluded, or open again for the PRM") {
  Folder folder;
  FeedbackRun run(folder.file("journal.sqlite"));
  const Turn ended = run.answered("c1"), open = run.answered("c2"), unjudged = run.answered("c3");
  run.awaits.erase(ended.id);  // its session is over: no next state will come
  for (const char* completion : {"c1", "c2"}) run.thumb(completion, -1);
  // Not trained yet: the step desk is not asked for a step.
  run.judge_all();
  run.take_back(run.thumb("c1", -1).id);
  CHECK(run.state(ended) == TurnState::excluded);
  CHECK(run.run.journal.turn(ended.id)->exclusion == "withdrawn");
  run.take_back(run.thumb("c2", -1).id);
  CHECK(run.state(open) == TurnState::answered);
  const auto early = run.thumb("c3", -1);
  run.take_back(early.id);
  run.judge_all();  // what the judge says now is not heard
  CHECK(run.state(unjudged) == TurnState::answered);
  CHECK(run.train().empty());
  run.prm_says(open, 1);
  run.prm_says(unjudged, 1);
  CHECK(run.train() == Samples{{open.id, 2}, {unjudged.id, 2}});
  CHECK(run.run.journal.newest_verdict(open.id)->score == 1);
}

TEST_CASE("withdrawn after training: listed, and the opposite is not trained") {
  Folder folder;
  FeedbackRun run(folder.file("journal.sqlite"));
  const Turn judged = run.answered("c1"), later = run.answered("c2");
  run.prm_says(judged, 1);
  const auto first = run.thumb("c1", -1), second = run.thumb("c2", -1);
  run.judge_all();
  CHECK(run.train() == Samples{{judged.id, 1}, {later.id, 1}});
  for (const auto& given : {first, second}) {
    const auto receipt = run.take_back(given.id);
    CHECK(receipt.status == "withdrawn");
    CHECK(receipt.turns.at(0).learning == "trained");
    CHECK(receipt.reason.find("learned") != std::string::npos);
  }
  run.prm_says(later, 1);  // comes only now
  CHECK(run.train().empty());
  CHECK(run.state(judged) == TurnState::trained);
  CHECK(run.run.journal.newest_verdict(judged.id)->origin == "prm");
  const auto events = run.run.journal.events();
  REQUIRE(events.size() == 2);
  CHECK(events[0].kind == "feedback_withdrawn");
  CHECK(events[0].text.find(first.id) != std::string::npos);
}

TEST_CASE("the newest feedback counts, whenever its verdict comes; without it the one before") {
  Folder folder;
  FeedbackRun run(folder.file("journal.sqlite"));
  const Turn turn = run.answered("c1");
  const auto up = run.thumb("c1", 1), down = run.thumb("c1", -1);
  const auto sent = run.judged_turns();
  REQUIRE(sent.size() == 2);
  run.judge(sent[1].message, 0);  // the newer one first
  run.judge(sent[0].message, 0);
  CHECK(run.run.journal.feedback("", up.id)[0].outcome == "superseded");
  run.take_back(down.id);
  const auto newest = run.run.journal.newest_verdict(turn.id);
  CHECK(newest->revision == 3);
  CHECK(newest->score == 1);
  CHECK(run.train() == Samples{{turn.id, 3}});
  // An older one that is taken back does not touch what counts.
  const Turn next = run.answered("c2");
  const auto old = run.thumb("c2", 1);
  run.thumb("c2", -1);
  run.judge_all();
  run.take_back(old.id);
  CHECK(run.train() == Samples{{next.id, 2}});
  CHECK(run.run.journal.newest_verdict(next.id)->score == -1);
}

TEST_CASE("a thumb needs no judge; words that cannot be judged leave the turn as it was") {
  Folder folder;
  FeedbackRun run(folder.file("journal.sqlite"), true, binary(2));
  const Turn thumbed = run.answered("c1"), worded = run.answered("c2");
  run.prm_says(worded, 1);
  run.thumb("c1", -1);
  FeedbackRequest request;
  request.completion_id = "c2";
  request.text = "hm";
  const auto given = run.give(request);
  for (const auto& one : run.judged_turns()) run.judge(one.message, 0, "the judge is gone");
  run.settle();
  CHECK(run.run.journal.feedback("", given.id)[0].outcome == "judge_failed");
  CHECK(run.train() == Samples{{thumbed.id, 1}, {worded.id, 2}});
  CHECK(run.run.journal.newest_verdict(thumbed.id)->score == -1);
  CHECK(run.run.journal.newest_verdict(worded.id)->score == 1);
}

TEST_CASE("feedback comes to a turn whose judge failed") {
  Folder folder;
  FeedbackRun run(folder.file("journal.sqlite"));
  const Turn turn = run.answered("c1");
  Verdict failed = Run::verdict_of(turn);
  failed.error = "no verdict";
  run.on_judged(turn, failed);
  CHECK(run.state(turn) == TurnState::excluded);
  CHECK(run.thumb("c1", 1).turns.at(0).learning == "judging");
  run.judge_all();
  CHECK(run.train() == Samples{{turn.id, 1}});
  CHECK(run.state(turn) == TurnState::trained);
}

TEST_CASE("a restart goes on with feedback that is not judged, and takes nothing twice") {
  Folder folder;
  const std::string path = folder.file("journal.sqlite");
  TurnId open, judged, sampled;
  {
    FeedbackRun run(path, true, binary(8));
    const Turn a = run.answered("c1"), b = run.answered("c2"), c = run.answered("c3");
    open = a.id, judged = b.id, sampled = c.id;
    run.prm_says(a, 1);  // its sample waits until the feedback comes
    run.thumb("c1", -1);
    run.thumb("c2", -1);
    run.thumb("c3", -1);
    for (const auto& one : run.judged_turns()) {
      if (one.message.turn.id == sampled) run.judge(one.message, 0);
      if (one.message.turn.id == judged) {  // and the process dies before its sample is saved
        Verdict verdict = Run::verdict_of(one.message.turn, -1);
        verdict.revision = 1;
        verdict.origin = "user";
        run.run.journal.save_verdict(verdict);
      }
    }
  }
  FeedbackRun run(path, true, binary(3));
  run.awaits[judged] = TurnState::judging;
  run.run.desk.resume_from(0, 0, &run.run.journal, false);
  run.run.desk.restore_waiting();
  run.desk->restore();
  REQUIRE(run.until([&] { return run.run.journal.open_feedback().size() == 1 && run.desk->waiting() == 0; }));
  const auto sent = run.judged_turns();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].message.turn.id == open);
  CHECK(sent[0].message.revision == 1);
  CHECK(sent[0].message.given.vote == std::int8_t{-1});
  CHECK(run.run.desk.waiting() == 2);  // and not the PRM's sample of `open`
  run.judge(sent[0].message, 0);
  Turn turn = run.run.journal.turn(judged).value();
  run.prm_says(turn, 1);  // outranked after the restart, too
  CHECK(run.train() == Samples{{open, 1}, {judged, 1}, {sampled, 1}});
  CHECK(run.run.journal.open_feedback().empty());
}

TEST_CASE("erased while feedback on it is judged: the verdict is not heard and leaves no row") {
  Folder folder;
  FeedbackRun run(folder.file("journal.sqlite"));
  const Turn turn = run.answered("c1");
  run.thumb("c1", -1);
  const auto asked = run.judged_turns();
  REQUIRE(asked.size() == 1);
  run.judges.drop(turn.id);  // as Head::erase_user has it
  run.awaits.erase(turn.id);
  run.desk->forget(turn.id);
  run.run.desk.drop(turn.id, "erased");
  run.run.journal.erase_turns({turn.id}, std::make_shared<ErasedRows>());
  run.judge(asked[0].message, -1);
  CHECK(run.train().empty());
  CHECK_FALSE(run.run.journal.turn(turn.id));
  CHECK_FALSE(run.run.journal.verdict({turn.id, 1}));
  CHECK(run.run.journal.feedback_on(turn.id).empty());
  CHECK(run.ask([] {
             FeedbackRequest request;
             request.completion_id = "c1";
             request.score = 1;
             return request;
           }())
            .error.code == "turn_not_found");
}
