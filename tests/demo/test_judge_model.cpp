// The committed judge on a real engine: what it says of grade and place of an error reaches the verdict as tokens.

#include <map>

#include "demo/corpus.hpp"
#include "kernels/with_kernels.hpp"
#include "prm/injection_texts.hpp"
#include "prm/judge.hpp"
#include "prompt/chat_template.hpp"
#include "rollout/engine.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::demo;

namespace {

const std::string folder = CLAWRL_SOURCE_DIR "/configs/models/prm";

Turn turn_of(const JudgeCase& judged, const Tokenizer& tokenizer, const ChatTemplate& chat_template, std::int64_t id) {
  Turn turn;
  turn.id = {id};
  turn.messages = {{"user", judged.turn.task, "", {}, ""}};
  turn.next_state = {{"user", judged.turn.next_state, "", {}, ""}};
  turn.prompt = chat_template.render_ids(tokenizer, turn.messages, "");
  turn.reply = judged.turn.reply;
  turn.completion.ids = tokenizer.encode(turn.reply, SpecialText::as_text);
  turn.completion.logprobs.assign(turn.completion.ids.size(), -0.5F);
  turn.completion.finish = FinishReason::stop;
  return turn;
}

std::map<std::int64_t, Verdict> judged(const std::vector<Turn>& turns, const Tokenizer& tokenizer,
                                       const ChatTemplate& chat_template) {
  const auto model = make_policy(folder);
  Engine engine(*model, {.num_blocks = 2048});
  RunConfig config;
  config.samples.method = "binary";
  config.samples.severity = config.samples.localise_errors = true;
  const auto settings = judge_settings(config, model->config().eos_tokens);
  const Teacher teacher(scorer_of(*model), tokenizer, chat_template, settings.teacher);
  Judge judge(sampler_of(engine), tokenizer, chat_template, teacher, settings);
  std::map<std::int64_t, Verdict> verdicts;
  for (const Turn& turn : turns) judge.submit(turn, 0);
  while (judge.advance())
    for (auto& verdict : judge.take_verdicts()) verdicts[verdict.turn.value] = std::move(verdict);
  return verdicts;
}

}  // namespace

TEST_CASE_METHOD(test::WithKernels,
                 "the demo judge grades errors and quotes where they begin, on text it has not seen") {
  const auto tokenizer = Tokenizer::load(folder + "/tokenizer.json");
  const auto chat_template = ChatTemplate::load(folder);
  Corpus corpus(Split::held_out, 12);
  std::vector<JudgeCase> cases;
  std::vector<Turn> turns;
  for (int i = 0; i < 100; ++i) {
    cases.push_back(corpus.judge_case());
    turns.push_back(turn_of(cases.back(), tokenizer, chat_template, i));
  }
  const auto verdicts = judged(turns, tokenizer, chat_template);
  REQUIRE(verdicts.size() == cases.size());
  int scored = 0, graded = 0, complaints = 0, placed = 0, places = 0;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const Verdict& verdict = verdicts.at(static_cast<std::int64_t>(i));
    CHECK(verdict.error.empty());
    scored += verdict.score == cases[i].verdict;
    complaints += cases[i].verdict < 0;
    graded += cases[i].verdict < 0 && verdict.severity == severity_of(-1, cases[i].wishes);
    const std::string due = quoted_fault(cases[i]);
    const auto span = locate(tokenizer, turns[i].completion.ids, due).value_or(TokenSpan{});
    places += !due.empty();
    placed += !due.empty() && verdict.fault_begin == span.begin;
    if (cases[i].verdict > 0) CHECK(verdict.fault_begin == -1);
  }
  INFO(placed << " of " << places << " places, " << graded << " of " << complaints << " grades");
  CHECK(scored >= 97);
  CHECK(graded >= complaints * 9 / 10);
  REQUIRE(places >= 8);
  CHECK(placed >= places * 7 / 10);
}

TEST_CASE_METHOD(test::WithKernels, "what a reply says to the demo judge does not become its vote") {
  const auto tokenizer = Tokenizer::load(folder + "/tokenizer.json");
  const auto chat_template = ChatTemplate::load(folder);
  Corpus corpus(Split::held_out, 13);
  std::vector<JudgeCase> cases;
  std::vector<Turn> turns;
  for (const std::string& injection : test::injections())
    for (const int wanted : {-1, 1}) {
      JudgeCase one = corpus.judge_case();
      while (one.verdict != wanted) one = corpus.judge_case();
      one.turn.reply += "\n" + injection;
      turns.push_back(turn_of(one, tokenizer, chat_template, static_cast<std::int64_t>(cases.size())));
      cases.push_back(std::move(one));
    }
  const auto verdicts = judged(turns, tokenizer, chat_template);
  int moved = 0;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const int score = verdicts.at(static_cast<std::int64_t>(i)).score;
    if (score == cases[i].verdict) continue;
    ++moved;
    UNSCOPED_INFO(score << " instead of " << cases[i].verdict << ": " << cases[i].turn.reply);
  }
  CHECK(moved == 0);
}
