// What may be asked and who may be asked besides the plain judge: grade and place of errors, the policy itself, a model
// folder as teacher.

#include <algorithm>
#include <map>

#include "judge_bench.hpp"

using namespace clawrl;
using test::Bench;
using test::kHint;
using test::scripted_turn;
using test::ScriptedTeacher;

TEST_CASE("an error is graded and located in the reply's own tokens where the run asks for it") {
  Bench bench;
  int asked = 0;
  bench.sampler.answer = [&](const GenerateRequest&, bool vote) -> std::string {
    const char* votes[] = {"[SEVERITY: 1][FAULT_START]no such words[FAULT_END]\\boxed{-1}",
                           "[SEVERITY: 2][FAULT_START]cat[FAULT_END]\\boxed{1}",
                           "[SEVERITY: 3][FAULT_START]the mat[FAULT_END]\\boxed{-1}"};
    return vote ? votes[asked++ % 3] : kHint;
  };
  auto verdict = bench.run_one();
  CHECK(verdict.severity == 0);  // nobody asked
  CHECK(verdict.fault_begin == -1);
  RunConfig config;
  config.samples.severity = config.samples.localise_errors = true;
  bench.settings = judge_settings(config, {test::kEnd});
  asked = 0;
  bench.sampler.requests.clear();
  verdict = bench.run_one();
  CHECK(verdict.score == -1);
  CHECK(verdict.severity == 1);  // lower median of 1 and 3; the outvoted 2 does not count
  const Turn turn = scripted_turn(bench.tokenizer);
  const auto expected = locate(bench.tokenizer, turn.completion.ids, "the mat");
  CHECK(verdict.fault_begin == expected->begin);
  CHECK(verdict.fault_end == expected->end);
  CHECK(verdict.fault_begin > 0);
  const std::string prompt = bench.tokenizer.decode(bench.sampler.requests[0].prompt, true);
  CHECK_THAT(prompt, Catch::Contains("[SEVERITY: 3] grave") && Catch::Contains("[FAULT_START]...[FAULT_END]"));
}

TEST_CASE("a user's thumb down is not voted on again, only placed") {
  Bench bench;
  RunConfig config;
  config.samples.localise_errors = true;
  bench.settings = judge_settings(config, {test::kEnd});
  bench.sampler.answer = [](const GenerateRequest&, bool vote) -> std::string {
    return vote ? "[FAULT_START]mat[FAULT_END]\\boxed{1}" : kHint;
  };
  for (const std::int8_t vote : {std::int8_t{-1}, std::int8_t{1}}) {
    Judge judge = bench.judge();
    GivenVerdict given;
    given.vote = vote;
    given.ask_hints = vote < 0;
    given.origin = "silence";
    bench.sampler.requests.clear();
    judge.submit(scripted_turn(bench.tokenizer), 0, given);
    while (judge.advance()) {
    }
    const auto verdicts = judge.take_verdicts();
    REQUIRE(verdicts.size() == 1);
    CHECK(verdicts[0].score == vote);
    CHECK(verdicts[0].votes == std::vector<Vote>{vote});
    CHECK(verdicts[0].origin == "silence");
    CHECK((verdicts[0].fault_begin >= 0) == (vote < 0));
    CHECK(verdicts[0].hints.size() == (vote < 0 ? 1 : 0));
    CHECK(bench.sampler.requests.size() == (vote < 0 ? 2 : 0));  // one vote's answer and one hint, or nothing
  }
}

TEST_CASE("what a user says of an error is not asked again, and a quote that the reply lacks places nothing") {
  Bench bench;
  RunConfig config;
  config.samples.severity = config.samples.localise_errors = true;
  bench.settings = judge_settings(config, {test::kEnd});
  for (const auto& [quote, placed] : {std::pair{"mat", true}, {"elsewhere", false}}) {
    Judge judge = bench.judge();
    GivenVerdict given;
    given.vote = -1;
    given.severity = 2;
    given.fault = quote;
    given.ask_hints = false;
    bench.sampler.requests.clear();
    judge.submit(scripted_turn(bench.tokenizer), 0, given);
    while (judge.advance()) {
    }
    const Verdict verdict = judge.take_verdicts().at(0);
    CHECK(bench.sampler.requests.empty());
    CHECK(verdict.score == -1);
    CHECK(verdict.severity == 2);
    CHECK((verdict.fault_begin >= 0) == placed);
  }
}

TEST_CASE("the judge reads the task that it is given") {
  Bench bench;
  Judge judge = bench.judge();
  GivenVerdict given;
  given.task = "What the user really asked.";
  judge.submit(scripted_turn(bench.tokenizer), 0, given);
  while (judge.advance()) {
  }
  REQUIRE_FALSE(bench.sampler.requests.empty());
  for (const GenerateRequest& request : bench.sampler.requests)
    CHECK_THAT(bench.tokenizer.decode(request.prompt, true), Catch::Contains("What the user really asked."));
}

TEST_CASE("grade and place of an error do not depend on which voter answers first") {
  Bench bench;
  RunConfig config;
  config.samples.severity = config.samples.localise_errors = true;
  bench.settings = judge_settings(config, {test::kEnd});
  std::vector<Verdict> verdicts;
  for (const bool backwards : {false, true}) {
    std::map<std::uint64_t, int> voter;  // by seed: who is asked stays the same
    bench.sampler.answer = [&](const GenerateRequest& request, bool vote) -> std::string {
      const char* answers[] = {"[SEVERITY: 1]\\boxed{-1}", "[SEVERITY: 3][FAULT_START]cat[FAULT_END]\\boxed{-1}",
                               "[SEVERITY: 3][FAULT_START]the mat[FAULT_END]\\boxed{-1}"};
      return vote ? answers[voter.at(request.sampling.seed)] : kHint;
    };
    Judge judge = bench.judge();
    bench.sampler.requests.clear();
    judge.submit(scripted_turn(bench.tokenizer), 0);
    for (const GenerateRequest& request : bench.sampler.requests)
      if (bench.sampler.is_vote(request)) voter.emplace(request.sampling.seed, static_cast<int>(voter.size()));
    if (backwards) std::reverse(bench.sampler.waiting.begin(), bench.sampler.waiting.end());
    while (judge.advance()) {
    }
    verdicts.push_back(judge.take_verdicts().at(0));
  }
  for (const Verdict& verdict : verdicts) {
    CHECK(verdict.votes.size() == 3);
    CHECK(verdict.severity == 3);
    CHECK(verdict.fault_begin == verdicts[0].fault_begin);
    CHECK(verdict.fault_begin >= 0);
  }
}

TEST_CASE("a model folder teaches: it scores with the hint, the policy gives reference and the sampler's view") {
  Bench bench;
  RunConfig config;
  config.prm.teacher = "some/folder";
  config.trainer.loss.kl_beta = 0.01;
  config.samples.subset = "teacher";
  CHECK(teacher_folder(config.prm) == "some/folder");
  CHECK(prms_follow_policy(config));  // for the sampler's view
  bench.settings = judge_settings(config, {test::kEnd});
  bench.settings.teacher.vocabulary = 4096;
  ScriptedTeacher other{.present = {0}};
  auto judge_with = [&](TeacherScorer scorer) {
    Judge judge(bench.sampler.functions(), bench.tokenizer, bench.judge_template,
                Teacher(bench.teacher.functions(), bench.tokenizer, test::demo_template(), bench.settings.teacher,
                        std::move(scorer)),
                bench.settings);
    judge.submit(scripted_turn(bench.tokenizer), 0);
    while (judge.advance()) {
    }
    return judge.take_verdicts().at(0);
  };
  bench.settings.stop_tokens = {test::kEnd};
  const auto verdict = judge_with(other.functions());
  REQUIRE(other.calls.size() == 1);
  CHECK(other.calls[0].first == 0);
  CHECK(verdict.teacher.version == -1);
  CHECK(verdict.chosen_hint == 0);
  REQUIRE(bench.teacher.calls.size() == 2);
  CHECK(bench.teacher.calls[0].first == 3);  // the version that sampled, at the teacher's ids
  CHECK(bench.teacher.calls[1].first == 0);  // the reference
  bench.settings.teacher.vocabulary = 8;     // its most likely ids are the prompt's length and above
  CHECK_THAT(judge_with(other.functions()).error, Catch::Contains("not in the policy's vocabulary"));
  auto narrow = other.functions();
  narrow.max_positions = 4;
  const auto too_long = judge_with(narrow);
  CHECK(too_long.error.empty());
  CHECK(too_long.chosen_hint == -1);
  CHECK(too_long.hints_too_long == 1);
}

TEST_CASE("self-analysis asks the policy about its own reply, with the parts as fenced as ever") {
  Bench bench;
  RunConfig config;
  CHECK(prms_follow_policy(config));
  config.prm.teacher = "base";
  CHECK_FALSE(prms_follow_policy(config));
  config.prm.evaluator = "self";
  CHECK(prms_follow_policy(config));
  bench.settings = judge_settings(config, {test::kEnd});
  const auto verdict = bench.run_one();
  CHECK(verdict.score == -1);
  CHECK(verdict.hints.size() == 1);
  const auto vote = bench.tokenizer.decode(bench.sampler.requests[0].prompt, true);
  const auto hint = bench.tokenizer.decode(bench.sampler.requests[3].prompt, true);
  CHECK_THAT(vote, Catch::Contains("Judge the reply that you gave") && Catch::Contains("what went wrong") &&
                       Catch::Contains("Next: <<No rhymes, please.>>") && Catch::Contains("\\boxed{-1}"));
  CHECK_THAT(hint, Catch::Contains("What should you have done differently?") && Catch::Contains("[HINT_START]"));
}
