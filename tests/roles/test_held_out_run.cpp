// Held-out cases are asked pinned to their version, the same every time, where no client is in the way.

#include "roles/held_out_run.hpp"

#include <cmath>
#include <map>
#include <set>

#include "core/error.hpp"
#include "roles/desk_support.hpp"
#include "roles/messages.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

const char* const model = CLAWRL_SOURCE_DIR "/configs/models/policy";

std::vector<HeldOutCase> cases(int count) {
  std::vector<HeldOutCase> all;
  for (int i = 0; i < count; ++i) {
    HeldOutCase one;
    one.id = "case" + std::to_string(i);
    one.set = "accuracy";
    one.messages = {{"user", "How many apples are " + std::to_string(i) + "?", "", {}, ""}};
    one.must = {"right"};
    all.push_back(one);
  }
  return all;
}

HeldOutRunSettings settings() {
  HeldOutRunSettings s;
  s.rollouts = {4, 5};
  s.stop_tokens = {1};
  s.concurrency = 3;
  s.patience_s = 10;
  s.max_tokens = 40;
  return s;
}

struct Run {
  RecordingMailbox mailbox;
  Tokenizer tokenizer = Tokenizer::load(std::string(model) + "/tokenizer.json");
  ChatTemplate chat_template = ChatTemplate::load(model);
  std::map<int, int> clients;
  HeldOutRun run;
  explicit Run(int count, const HeldOutRunSettings& s = settings()) : Run(cases(count), s) {}
  explicit Run(const std::vector<HeldOutCase>& all, const HeldOutRunSettings& s = settings())
      : run(mailbox, tokenizer, chat_template, all, s, [this](int rank) { return clients[rank]; }) {}

  std::vector<RecordingMailbox::Sent<messages::Generate>> asked() { return mailbox.take<messages::Generate>(); }
  void answer(const GenerateRequest& request, const std::string& text, FinishReason reason = FinishReason::stop,
              const std::string& error = "") {
    CompletionDelta delta;
    delta.id = request.id;
    delta.part.ids = tokenizer.encode(text, SpecialText::as_text);
    delta.part.finish = reason;
    delta.part.error = error;
    run.take({delta});
  }
};

}  // namespace

TEST_CASE("every case is asked once, pinned, with a seed of its own; the outcomes stand in the order of the cases") {
  Run r(8);
  r.run.begin(7, 0);
  std::set<std::uint64_t> ids, seeds;
  int answered = 0;
  for (int round = 0; round < 8 && r.run.under_way(); ++round) {
    r.run.tick(round);
    auto asked = r.asked();
    CHECK(asked.size() <= 3);
    for (auto& [rank, port, message] : asked) {
      const GenerateRequest& request = message.request;
      CHECK(request.version == 7);
      CHECK(request.record_top_k == 0);
      CHECK(request.stop.max_tokens == 40);
      CHECK(request.id.value > (std::uint64_t{1} << 62));  // no client's ticket
      ids.insert(request.id.value);
      seeds.insert(request.sampling.seed);
      r.answer(request, answered++ % 2 == 0 ? "That is right." : "That is not.");
    }
    if (const auto result = r.run.take_result()) {
      CHECK(result->version == 7);
      CHECK(result->outcomes == Outcomes{1, 0, 1, 0, 1, 0, 1, 0});
      CHECK(result->unanswered == 0);
    }
  }
  CHECK_FALSE(r.run.under_way());
  CHECK(ids.size() == 8);
  CHECK(seeds.size() == 8);

  r.run.begin(8, 100);
  r.run.tick(100);
  const auto again = r.asked();
  REQUIRE(again.size() == 3);
  CHECK(again[0].message.request.sampling.seed == case_seed("case0", 1));
  CHECK(again[0].message.request.version == 8);
  CHECK_FALSE(ids.contains(again[0].message.request.id.value));
}

TEST_CASE("cases go where no client is, and wait while clients are everywhere") {
  Run r(8);
  r.clients = {{4, 1}, {5, 0}};
  r.run.begin(1, 0);
  r.run.tick(0);
  CHECK(ranks_of(r.asked()) == std::vector<int>{5, 5, 5});

  Run busy(8);
  busy.clients = {{4, 2}, {5, 1}};
  busy.run.begin(1, 0);
  for (double now : {0.0, 5.0, 9.9}) busy.run.tick(now);
  CHECK(busy.asked().empty());
  busy.run.tick(10);  // patience is over: one, alone
  auto one = busy.asked();
  REQUIRE(ranks_of(one) == std::vector<int>{5});
  busy.run.tick(30);
  CHECK(busy.asked().empty());
  busy.answer(one[0].message.request, "right");
  busy.run.tick(39);
  CHECK(busy.asked().empty());
  busy.clients.clear();
  busy.run.tick(39.5);
  CHECK(ranks_of(busy.asked()) == std::vector<int>{4, 5, 4});
}

TEST_CASE("a reply that cannot be made counts against the version, one that ran out of time is asked again") {
  Run r(2);
  r.run.begin(3, 0);
  r.run.tick(0);
  auto asked = r.asked();
  REQUIRE(asked.size() == 2);
  r.answer(asked[0].message.request, "", FinishReason::failed, "the model's logits are not finite");
  r.answer(asked[1].message.request, "ri", FinishReason::deadline);
  CHECK_FALSE(r.run.take_result());
  r.run.tick(1);
  asked = r.asked();
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].message.request.sampling.seed == case_seed("case1", 1));
  r.answer(asked[0].message.request, "right");
  const auto result = r.run.take_result();
  REQUIRE(result);
  CHECK(result->outcomes == Outcomes{0, 1});
  CHECK(result->unanswered == 1);
  CHECK(result->error == "the model's logits are not finite");
}

TEST_CASE("a cancelled run asks nothing more and takes no late answer") {
  Run r(8);
  r.run.begin(2, 0);
  r.run.tick(0);
  const auto asked = r.asked();
  r.run.cancel();
  CHECK(r.mailbox.take<messages::Cancel>().size() == asked.size());
  r.answer(asked[0].message.request, "right");
  r.run.tick(1);
  CHECK(r.asked().empty());
  CHECK_FALSE(r.run.take_result());
}

TEST_CASE("rules are held against what the user sees, not against thoughts") {
  HeldOutRunSettings thinking = settings();
  thinking.format.reasoning = true;
  Run r(2, thinking);
  r.run.begin(2, 0);
  r.run.tick(0);
  const auto asked = r.asked();
  r.answer(asked[0].message.request, "<think>that is right</think>No.");
  r.answer(asked[1].message.request, "<think>no</think>That is right.");
  CHECK(r.run.take_result()->outcomes == Outcomes{0, 1});
}

TEST_CASE("a case that does not fit is named before the run begins") {
  HeldOutRunSettings small = settings();
  small.context = 8;
  CHECK_THROWS_WITH(Run(2, small), Catch::Matchers::Contains("case0") && Catch::Matchers::Contains("8"));
}

TEST_CASE("a text is scored where its version is, once; its outcome is its loss, or none") {
  std::vector<HeldOutCase> texts(2);
  texts[0].id = "one";
  texts[0].text = "Once upon a time.";
  texts[1].id = "two";
  texts[1].text = "The sun rises.";
  Run r(texts);
  r.run.begin(6, 0);
  r.run.tick(0);
  CHECK(r.asked().empty());
  const auto asked = r.mailbox.take<messages::ScoreText>();
  REQUIRE(asked.size() == 2);
  CHECK(asked[0].message.version == 6);
  CHECK(asked[0].message.from == 1);
  CHECK(asked[0].message.ids == r.tokenizer.encode_with_post_processor("Once upon a time."));
  r.run.take(messages::TextScored{{77}, 1, ""});  // nobody's
  r.run.take(messages::TextScored{asked[1].message.id, 0, "not loaded"});
  CHECK_FALSE(r.run.take_result());
  r.run.take(messages::TextScored{asked[0].message.id, 2.5, ""});
  r.run.take(messages::TextScored{asked[0].message.id, 9.5, ""});
  const auto result = r.run.take_result();
  REQUIRE(result);
  CHECK(result->outcomes[0] == 2.5);
  CHECK(std::isnan(result->outcomes[1]));
  CHECK(result->unanswered == 1);
  CHECK(result->error == "not loaded");

  texts[0].text = "a";
  CHECK_THROWS_WITH(Run(texts), Catch::Matchers::Contains("'one'") && Catch::Matchers::Contains("2 tokens"));
}

TEST_CASE("of an answer to messages, or on a judged turn, only its own tokens count") {
  std::vector<HeldOutCase> answers = cases(1);
  answers[0].must.clear();
  answers[0].answer = "It is **5**.";
  answers.push_back(answers[0]);
  answers[1].id = "vote";
  answers[1].messages.clear();
  answers[1].judged = JudgedTurn{"2 and 3?", "It is 5.", "Thanks.", "user"};
  answers[1].answer = "\\boxed{1}";
  Run r(answers);
  r.run.begin(2, 0);
  r.run.tick(0);
  const auto asked = r.mailbox.take<messages::ScoreText>();
  REQUIRE(asked.size() == 2);
  const std::vector<TokenId> prompts[] = {
      r.chat_template.render_ids(r.tokenizer, answers[0].messages, ""),
      vote_question(*answers[1].judged, settings().judge, r.tokenizer, r.chat_template, 0)};
  for (std::size_t i = 0; i < 2; ++i) {
    std::vector<TokenId> whole = prompts[i];
    CHECK(asked[i].message.from == static_cast<std::int32_t>(whole.size()));
    for (TokenId id : r.tokenizer.encode(answers[i].answer, SpecialText::as_text)) whole.push_back(id);
    CHECK(asked[i].message.ids == whole);
  }
}

TEST_CASE(
    "a judged turn is asked about as the judge asks for a vote; the outcome is whether the vote is the right one") {
  std::vector<HeldOutCase> turns(5);
  for (std::size_t i = 0; i < turns.size(); ++i) {
    turns[i].id = "turn" + std::to_string(i);
    turns[i].judged = JudgedTurn{"2 and 3?", "It is " + std::to_string(i) + ".", "That is wrong.", "user"};
    turns[i].verdict = -1;
  }
  HeldOutRunSettings s = settings();
  s.concurrency = 5;
  s.temperature = 1;
  s.judge.prm.temperature = 0.25;
  s.judge.prm.max_tokens = 12;
  s.judge.style.self = true;
  s.format.reasoning = true;
  Run r(turns, s);
  r.run.begin(7, 0);
  r.run.tick(0);
  const auto asked = r.asked();
  REQUIRE(asked.size() == 5);
  const GenerateRequest& first = asked[0].message.request;
  CHECK(first.version == 7);
  CHECK(first.sampling.temperature == 0.25F);
  CHECK(first.sampling.seed == case_seed("turn0", 1));
  CHECK(first.stop.max_tokens == 12);
  CHECK(first.prompt == vote_question(*turns[0].judged, s.judge, r.tokenizer, r.chat_template, 0));
  CHECK(r.tokenizer.decode(first.prompt, true).find("the reply that you gave") != std::string::npos);
  const char* said[] = {"\\boxed{-1}", "\\boxed{1}, no: \\boxed{-1}", "<think>hm</think>\\boxed{ -1 }", "\\boxed{0}",
                        "It was wrong."};
  for (std::size_t i = 0; i < turns.size(); ++i) r.answer(asked[i].message.request, said[i]);
  CHECK(r.run.take_result()->outcomes == Outcomes{1, 1, 1, 0, 0});
}

TEST_CASE("a vote that cannot be made does not agree, also with a verdict of 0") {
  std::vector<HeldOutCase> turns(2);
  for (HeldOutCase& one : turns) one.judged = JudgedTurn{"2 and 3?", "It is 5.", "And 3 and 4?", "user"};
  Run r(turns);
  r.run.begin(1, 0);
  r.run.tick(0);
  const auto asked = r.asked();
  r.answer(asked[0].message.request, "", FinishReason::failed, "the model's logits are not finite");
  r.answer(asked[1].message.request, "");
  const auto result = r.run.take_result();
  REQUIRE(result);
  CHECK(result->outcomes == Outcomes{0, 0});
  CHECK(result->unanswered == 1);

  HeldOutRunSettings small = settings();
  small.context = 8;
  turns[0].id = "long";
  CHECK_THROWS_WITH(Run(turns, small), Catch::Matchers::Contains("'long'") && Catch::Matchers::Contains("8"));
}
