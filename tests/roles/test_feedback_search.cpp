// Feedback that names its turn by time or words, and chat messages that speak of earlier turns.

#include <cmath>

#include "roles/feedback_run.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

constexpr double hour = 3600, day = 86400;

double yesterday_noon() {
  return day * (std::floor(unix_s() / day) - 0.5);
}

/// An answered turn of the past.
Turn past(FeedbackRun& run, const std::string& completion, double created_s, const std::string& asked,
          const std::string& replied, const std::string& key = "", const std::string& session = "s",
          const std::string& user = "") {
  Turn turn = run.turn(completion, key, session);
  turn.created_s = created_s;
  turn.user = user;
  turn.messages = {{"user", asked, "", {}, ""}};
  turn.reply = replied;
  run.run.journal.save_turn(turn);
  return turn;
}

FeedbackRequest said(const std::string& text, const std::string& time = "", const std::string& session = "") {
  FeedbackRequest request;
  request.session = session;
  request.time = time;
  request.text = text;
  if (text.empty()) request.score = 1;
  return request;
}

}  // namespace

TEST_CASE("by session and time: one turn is credited, of several the one that the words fit") {
  Folder folder;
  FeedbackRun run(folder.file("journal.sqlite"));
  past(run, "c1", yesterday_noon(), "How do I get a wine stain out of the carpet?", "Baking soda and vinegar.");
  past(run, "c2", unix_s() - 2 * hour, "Plan a workout for my shoulders", "Three sets of overhead press.");
  past(run, "c3", yesterday_noon(), "Something else entirely", "Well.", "", "other");
  const auto one = run.give(said("", "2 hours ago", "s"));
  REQUIRE(one.turns.size() == 1);
  CHECK(one.turns[0].completion_id == "c2");
  CHECK(one.turns[0].confidence >= 0.6);
  CHECK(one.turns[0].confidence < 1);
  past(run, "c4", yesterday_noon() + 60, "Write a regex for dates", "[0-9]+");
  const auto unsure = run.give(said("", "yesterday", "s"));
  CHECK(unsure.status == "uncredited");
  CHECK(unsure.turns.empty());
  CHECK_FALSE(unsure.reason.empty());
  const auto worded = run.give(said("yesterday's carpet recommendation worked", "yesterday", "s"));
  REQUIRE(worded.turns.size() == 1);
  CHECK(worded.turns[0].completion_id == "c1");
  CHECK(run.give(said("yesterday's regex was wrong")).turns.at(0).completion_id == "c4");
  CHECK(run.give(said("hm")).status == "uncredited");
  CHECK(run.give(said("", "yesterday", "other")).turns.at(0).completion_id == "c3");
}

TEST_CASE("a time that is none and a session that is another's are refused") {
  Folder folder;
  FeedbackRun run(folder.file("journal.sqlite"));
  past(run, "c1", yesterday_noon(), "A question", "A reply", "alice");
  const auto bad = run.ask(said("", "next week"));
  CHECK(bad.error.status == 400);
  CHECK(bad.error.param == "time");
  CHECK(bad.error.message.find("yesterday") != std::string::npos);  // what is allowed
  FeedbackRequest request = said("", "yesterday", "s");
  request.key = "bob";
  const auto foreign = run.ask(request);
  CHECK(foreign.error.status == 404);
  request.session = "nobody's";
  CHECK(run.ask(request).error.message == foreign.error.message);
  request.session.clear();
  CHECK(run.ask(request).value->status == "uncredited");  // bob has no turns
}

TEST_CASE("a chat message credits the earlier turn that it speaks of, of its own user only") {
  Folder folder;
  FeedbackRun run(folder.file("journal.sqlite"));
  const std::string asked = "How do I get a wine stain out of the carpet?";
  const Turn own = past(run, "c1", yesterday_noon(), asked, "Baking soda and vinegar.", "k", "old", "ann");
  past(run, "c2", yesterday_noon(), asked, "Salt.", "k", "hers", "eve");
  past(run, "c3", yesterday_noon(), asked, "Salt.", "other key", "old", "ann");
  const auto message = [&](const std::string& text) {
    Turn turn = run.turn("", "k", "new");
    turn.user = "ann";
    turn.messages = {{"user", "[Sat 2026-11-28 10:00 UTC] " + text, "", {}, ""}};
    run.run.journal.save_turn(turn);
    run.desk->answered(turn);
    run.settle();
    return run.judged_turns();
  };
  CHECK(message("Did the stain trick from yesterday work for others?").empty());
  CHECK(message("What is the capital of France?").empty());
  const auto sent = message("Your advice on the carpet stain from yesterday worked! Now the sofa, please.");
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].message.turn.id == own.id);
  CHECK(sent[0].message.given.vote == std::int8_t{1});
  CHECK(message("Your advice on the carpet stain from yesterday worked! Now the sofa, please.").empty());  // again
  run.judge(sent[0].message, 0);
  CHECK(run.train() == Samples{{own.id, 1}});
  const auto records = run.run.journal.feedback_on(own.id);
  REQUIRE(records.size() == 1);
  CHECK(records[0].source == "message");
  CHECK(records[0].key == "k");
  CHECK(records[0].user == "ann");
  CHECK(records[0].confidence >= 0.6);
}

TEST_CASE("the reply right before is not credited, nor anything with the setting off") {
  Folder folder;
  FeedbackRun run(folder.file("journal.sqlite"));
  past(run, "c1", unix_s() - hour, "How do I sort a list of dictionaries?", "Use sorted with a key.");
  Turn turn = run.turn("c2");
  turn.messages = {{"user", "The sorting of dictionaries that you suggested worked.", "", {}, ""}};
  run.run.journal.save_turn(turn);
  run.desk->answered(turn);
  run.settle();
  CHECK(run.judged_turns().empty());
  Turn elsewhere = run.turn("c3", "", "another");
  elsewhere.messages = turn.messages;
  elsewhere.learning = Learning::store;  // not to be learned from
  run.run.journal.save_turn(elsewhere);
  run.desk->answered(elsewhere);
  run.settle();
  CHECK(run.judged_turns().empty());
  elsewhere.learning = Learning::learn;
  run.desk->answered(elsewhere);
  run.settle();
  CHECK(run.judged_turns().size() == 1);
}
