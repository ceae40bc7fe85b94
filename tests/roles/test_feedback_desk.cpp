// Explicit feedback before, during and after judging and training.

#include "roles/feedback_run.hpp"

using namespace clawrl;
using namespace clawrl::test;

TEST_CASE("feedback on an answered turn makes a verdict of the user that the later PRM verdict does not override") {
  Folder folder;
  FeedbackRun run(folder.file("journal.sqlite"));
  const Turn turn = run.answered("c1");
  const auto receipt = run.thumb("c1", -1);
  CHECK(receipt.status == "accepted");
  CHECK(receipt.reason.empty());
  REQUIRE(receipt.turns.size() == 1);
  CHECK(receipt.turns[0].turn == turn.id.value);
  CHECK(receipt.turns[0].session == "s");
  CHECK(receipt.turns[0].completion_id == "c1");
  CHECK(receipt.turns[0].confidence == 1);
  CHECK(receipt.turns[0].learning == "judging");
  CHECK(run.run.journal.feedback("", receipt.id).size() == 1);  // durable before the answer
  const auto sent = run.judged_turns();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].message.revision == 1);
  CHECK(sent[0].message.given.vote == std::int8_t{-1});
  REQUIRE(sent[0].message.turn.next_state.size() == 1);
  CHECK(sent[0].message.turn.next_state[0].role == "user");
  run.judge(sent[0].message, 1);
  CHECK(run.state(turn) == TurnState::sampled);
  run.run.journal.advance_turn(turn.id, TurnState::judging);  // the next state becomes known: too late
  run.prm_says(turn, 1);
  CHECK(run.state(turn) == TurnState::sampled);
  CHECK(run.train() == Samples{{turn.id, 1}});
  CHECK(run.state(turn) == TurnState::trained);
  const auto verdict = run.run.journal.newest_verdict(turn.id);
  CHECK(verdict->origin == "user");
  CHECK(verdict->score == -1);
  CHECK(run.run.journal.verdict({turn.id, 0})->score == 1);  // on record, not learned from
  CHECK_FALSE(run.run.journal.has_sample({turn.id, 0}));
  CHECK(run.run.journal.samples(std::vector<SampleId>{{turn.id, 1}})[0].origin == "feedback");
}

TEST_CASE("feedback on a turn that is being generated waits for its end") {
  Folder folder;
  FeedbackRun run(folder.file("journal.sqlite"));
  Turn turn = run.turn("c1"), gone = run.turn("c2");
  run.generating[turn.id] = turn;
  run.generating[turn.id].state = TurnState::generating;
  run.generating[gone.id] = gone;
  run.generating[gone.id].state = TurnState::generating;
  CHECK(run.thumb("c1", 1).turns.at(0).learning == "waiting");
  const auto lost = run.thumb("c2", 1);
  CHECK(run.judged_turns().empty());
  run.generating.clear();
  run.run.journal.save_turn(turn);
  run.awaits[turn.id] = TurnState::answered;
  run.desk->answered(turn);
  gone.state = TurnState::aborted;
  run.run.journal.save_turn(gone);
  run.desk->tick();
  CHECK(run.until([&] { return run.run.journal.feedback("", lost.id)[0].outcome == "aborted"; }));
  run.judge_all();
  run.prm_says(turn, -1);
  CHECK(run.train() == Samples{{turn.id, 1}});
}

TEST_CASE("feedback after the PRM's verdict takes the waiting sample's place; after training it makes a second one") {
  Folder folder;
  FeedbackRun run(folder.file("journal.sqlite"), true, binary(2));
  const Turn waiting = run.answered("c1"), trained = run.answered("c2"), other = run.answered("c3");
  run.prm_says(trained, 1);
  run.prm_says(other, 1);
  CHECK(run.train().size() == 2);
  run.prm_says(waiting, 1);
  run.thumb("c1", -1);
  run.thumb("c2", -1);
  run.judge_all();
  CHECK(run.train() == Samples{{waiting.id, 1}, {trained.id, 1}});
  CHECK(run.run.journal.has_sample({waiting.id, 0}));  // excluded, on record
  CHECK(run.run.journal.has_sample({trained.id, 0}));
  CHECK(run.state(waiting) == TurnState::trained);
  CHECK(run.state(trained) == TurnState::trained);
  CHECK(run.run.journal.summary().samples_excluded == 1);
}

TEST_CASE("equal feedback is taken once, by the client's name or by its content") {
  Folder folder;
  FeedbackRun run(folder.file("journal.sqlite"));
  const Turn turn = run.answered("c1");
  const auto first = run.thumb("c1", 1);
  run.judge_all();
  const auto again = run.thumb("c1", 1);
  CHECK(again.status == "duplicate");
  CHECK(again.id == first.id);
  REQUIRE(again.turns.size() == 1);
  CHECK(again.turns[0].learning == "sampled");
  CHECK(run.judged_turns().empty());
  const auto named = run.thumb("c1", -1, "", "mine");
  CHECK(named.id == "mine");
  CHECK(named.status == "accepted");
  CHECK(run.thumb("c1", -1, "", "mine").status == "duplicate");
  CHECK(run.thumb("c1", 1, "", "mine").status == "duplicate");
  CHECK(run.judged_turns().size() == 1);
  CHECK(run.run.journal.feedback_on(turn.id).size() == 2);
  run.take_back(first.id);  // what was withdrawn may be said again
  const auto anew = run.thumb("c1", 1);
  CHECK(anew.status == "accepted");
  CHECK(anew.id != first.id);
}

TEST_CASE("an unknown turn and another key's are refused in the same words") {
  Folder folder;
  FeedbackRun run(folder.file("journal.sqlite"));
  run.answered("c1", "alice");
  Turn off = run.turn("c2", "bob");
  off.learning = Learning::off;
  run.generating[off.id] = off;
  const auto refused = [&](const std::string& completion, const std::string& session = "") {
    FeedbackRequest request;
    request.key = "bob";
    request.completion_id = completion;
    request.session = session;
    if (!session.empty()) request.turn = 1;
    request.score = 1;
    const auto outcome = run.ask(request);
    REQUIRE_FALSE(outcome.value);
    CHECK(outcome.error.status == 404);
    CHECK(outcome.error.code == "turn_not_found");
    return outcome.error.message;
  };
  const std::string unknown = refused("c9");
  CHECK(refused("c1") == unknown);
  CHECK(refused("c2") == unknown);
  CHECK(refused("", "s") == refused("", "nobody's"));
  FeedbackRequest withdrawal;
  withdrawal.key = "bob";
  withdrawal.withdraw = true;
  withdrawal.id = run.thumb("c1", 1, "alice").id;
  const auto foreign = run.ask(withdrawal);
  CHECK(foreign.error.status == 404);
  withdrawal.id = "never given";
  CHECK(run.ask(withdrawal).error.message == foreign.error.message);
  CHECK(run.run.journal.feedback("alice", run.thumb("c1", 1, "alice").id)[0].stands());
}

TEST_CASE("a turn is named by session and index; a user must be its own") {
  Folder folder;
  FeedbackRun run(folder.file("journal.sqlite"));
  const Turn turn = run.answered("c1", "alice");
  FeedbackRequest request;
  request.key = "alice";
  request.session = "s";
  request.turn = turn.index;
  request.score = 1;
  CHECK(run.give(request).turns.at(0).completion_id == "c1");
  request.user = "mallory";
  CHECK(run.ask(request).error.status == 404);
}

TEST_CASE("turns that may not be learned from get their feedback recorded with the reason") {
  Folder folder;
  FeedbackRun run(folder.file("journal.sqlite"));
  const auto reason_of = [&](const std::string& completion, const std::function<void(Turn&)>& change) {
    Turn turn = run.turn(completion);
    change(turn);
    run.run.journal.save_turn(turn);
    const auto receipt = run.thumb(completion, -1);
    CHECK(receipt.status == "accepted");
    CHECK(run.run.journal.feedback("", receipt.id).size() == 1);
    CHECK(receipt.reason.find(receipt.turns.at(0).learning) != std::string::npos);
    return receipt.turns.at(0).learning;
  };
  CHECK(reason_of("c1", [](Turn& turn) { turn.state = TurnState::side, turn.type = TurnType::side; }) == "side");
  CHECK(reason_of("c2", [](Turn& turn) { turn.state = TurnState::aborted; }) == "aborted");
  CHECK(reason_of("c3", [](Turn& turn) {
          turn.state = TurnState::excluded;
          turn.exclusion = "opted_out";
        }) == "opted_out");
  CHECK(reason_of("c4", [](Turn& turn) {
          turn.state = TurnState::excluded;
          turn.exclusion = "redacted";
        }) == "redacted");
  CHECK(reason_of("c5", [](Turn& turn) { turn.completion.sampling.temperature = 0; }) == "greedy");
  CHECK(run.judged_turns().empty());
  CHECK(run.run.journal.open_feedback().empty());
}

TEST_CASE("the evaluator reads the feedback's words, a correction becomes a hint, a thumb up alone asks for none") {
  Folder folder;
  FeedbackRun run(folder.file("journal.sqlite"));
  run.answered("c1");
  FeedbackRequest request;
  request.completion_id = "c1";
  request.text = "Much too long.";
  run.give(request);
  request.text.clear();
  request.correction = "Just say 4.";
  run.give(request);
  request.correction.clear();
  for (const double score : {1.0, -1.0}) {
    request.score = score;
    run.give(request);
  }
  const auto sent = run.judged_turns();
  REQUIRE(sent.size() == 4);
  CHECK(sent[0].message.turn.next_state.at(0).text == "Much too long.");
  CHECK_FALSE(sent[0].message.given.vote);
  CHECK(sent[0].message.given.hints.empty());
  CHECK(sent[1].message.given.vote == std::int8_t{-1});
  REQUIRE(sent[1].message.given.hints.size() == 1);
  CHECK(sent[1].message.given.hints[0].find("Just say 4.") != std::string::npos);
  CHECK(sent[0].message.given.ask_hints);
  CHECK_FALSE(sent[2].message.given.ask_hints);
  CHECK(sent[3].message.given.ask_hints);
}

TEST_CASE("a hint goes to the teacher as it stands, and the judge is asked for none") {
  Folder folder;
  FeedbackRun run(folder.file("journal.sqlite"));
  run.answered("c1");
  FeedbackRequest request;
  request.completion_id = "c1";
  request.hint = "Do not use lists.";
  run.give(request);
  const auto sent = run.judged_turns();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].message.given.vote == std::int8_t{-1});
  CHECK(sent[0].message.given.hints == std::vector<std::string>{"Do not use lists."});
  CHECK_FALSE(sent[0].message.given.ask_hints);
  request.hint = "Do not use boxes.";
  CHECK(run.give(request).status == "accepted");  // another content, another name
}

TEST_CASE("where and how gravely a reply went wrong makes it a bad one and reaches the judge") {
  Folder folder;
  FeedbackRun run(folder.file("journal.sqlite"));
  run.answered("c1");
  FeedbackRequest request;
  request.completion_id = "c1";
  request.fault = "**4**";
  request.severity = 2;
  run.give(request);
  const auto sent = run.judged_turns();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].message.given.vote == std::int8_t{-1});
  CHECK(sent[0].message.given.fault == "**4**");
  CHECK(sent[0].message.given.severity == 2);
  CHECK(sent[0].message.given.ask_hints);
  request.severity = 3;
  CHECK(run.give(request).status == "accepted");  // another content, another name
}

TEST_CASE("a server that does not learn keeps feedback for one that does") {
  Folder folder;
  const std::string path = folder.file("journal.sqlite");
  {
    FeedbackRun run(path, false);
    run.answered("c1");
    const auto receipt = run.thumb("c1", -1);
    CHECK(receipt.status == "accepted");
    CHECK(receipt.turns.at(0).learning == "recorded");
    CHECK_FALSE(receipt.reason.empty());
    CHECK(run.judged_turns().empty());
  }
  FeedbackRun run(path);
  run.desk->restore();
  run.settle();
  CHECK(run.judged_turns().size() == 1);
}

TEST_CASE("what is said after the session had ended outranks the verdict on its silence") {
  Folder folder;
  FeedbackRun run(folder.file("journal.sqlite"), true, binary(2));
  Turn turn = run.answered("c1"), kept = run.answered("c2");
  for (const Turn& one : {turn, kept}) run.prm_says(one, -1);
  for (Turn* one : {&turn, &kept}) one->next_state = {{"user", "That was just right.", "", {}, ""}};
  kept.learning = Learning::store;
  for (const Turn& one : {turn, kept}) run.desk->said_late(one);
  run.settle();
  const auto sent = run.judged_turns();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].message.turn.id == turn.id);
  CHECK(sent[0].message.turn.next_state.at(0).text == "That was just right.");
  run.judge(sent[0].message, 1);
  const auto records = run.run.journal.feedback_on(turn.id);
  REQUIRE(records.size() == 1);
  CHECK(records[0].source == "message");
  CHECK(records[0].outcome == "sampled");
  CHECK(run.run.journal.newest_verdict(turn.id)->score == 1);
  CHECK(run.train() == Samples{{turn.id, 1}, {kept.id, 0}});
}
