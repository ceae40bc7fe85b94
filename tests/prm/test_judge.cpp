// From a turn to a verdict: votes, hints, teacher, failures.

#include <cmath>

#include "judge_bench.hpp"
#include "prm/judge_prompt.hpp"

using namespace clawrl;
using test::Bench;
using test::kHint;
using test::scripted_turn;
using test::ScriptedSampler;
using test::ScriptedTeacher;

TEST_CASE("votes and a hint become a verdict with the teacher's scores in the hinted context") {
  Bench bench;
  const auto verdict = bench.run_one();
  CHECK(verdict.turn == TurnId{12});
  CHECK(verdict.score == -1);
  CHECK(verdict.hints == std::vector<std::string>{"Do not use rhymes."});
  CHECK(verdict.chosen_hint == 0);
  CHECK(verdict.error.empty());
  CHECK(verdict.origin == "prm");

  const Turn turn = scripted_turn(bench.tokenizer);
  auto hinted = turn.messages;
  hinted = with_hint(hinted, "Do not use rhymes.");
  auto ids = test::demo_template().render_ids(bench.tokenizer, hinted, "");
  const std::size_t prompt = ids.size();
  ids.insert(ids.end(), turn.completion.ids.begin(), turn.completion.ids.end());
  REQUIRE(bench.teacher.calls.size() == 1);
  const auto& [version, request] = bench.teacher.calls[0];
  CHECK(version == 3);
  CHECK(request.ids == ids);
  CHECK(request.response_begin == static_cast<std::int32_t>(prompt));
  CHECK(request.temperature == 0.5F);
  CHECK(request.top_k == 2);
  CHECK(request.gather_width == 2);
  CHECK(request.gather_ids == turn.completion.topk_ids);
  const float value = ScriptedTeacher::value(3, prompt);
  CHECK(verdict.teacher.logprobs == std::vector<float>(turn.completion.ids.size(), value));
  CHECK(verdict.teacher.student_logprobs.size() == 2 * turn.completion.ids.size());
  CHECK(verdict.teacher.version == 3);
  CHECK(verdict.reference_logprobs.empty());
}

TEST_CASE("requests carry the judge's settings and seeds of their own") {
  Bench bench;
  bench.settings.prm.hints = 2;
  bench.run({scripted_turn(bench.tokenizer, 1), scripted_turn(bench.tokenizer, 2)});
  const auto first = bench.sampler.requests;
  REQUIRE(first.size() == 10);
  std::set<std::uint64_t> seeds;
  for (const auto& request : first) {
    seeds.insert(request.sampling.seed);
    CHECK(request.sampling.temperature == 0.6F);
    CHECK(request.stop.max_tokens == 48);
    CHECK(request.stop.stop_tokens == std::vector<TokenId>{test::kEnd});
    CHECK(request.deadline_s == 120);
    CHECK_FALSE(request.version);
  }
  CHECK(seeds.size() == 10);
  const auto prompt =
      test::demo_template().render_ids(bench.tokenizer, vote_prompt(judged_turn(scripted_turn(bench.tokenizer))), "");
  CHECK(first[0].prompt == prompt);

  Bench alone;  // the same turn without company asks the same questions
  alone.settings.prm.hints = 2;
  alone.run({scripted_turn(alone.tokenizer, 2)});
  for (std::size_t i = 0; i < 5; ++i) CHECK(alone.sampler.requests[i].sampling.seed == first[5 + i].sampling.seed);
  alone.run({scripted_turn(alone.tokenizer, 2)}, 1);  // another revision asks anew
  CHECK(alone.sampler.requests[5].sampling.seed != first[5].sampling.seed);
}

TEST_CASE("votes stop once the majority is decided") {
  Bench bench;
  bench.settings.prm.votes = 5;
  const auto verdict = bench.run_one();
  CHECK(verdict.votes.size() == 3);
  CHECK(verdict.score == -1);
  CHECK(bench.sampler.cancelled.size() == 2);
}

TEST_CASE("invalid votes are dropped, a tie is 0 and no hint leaves the teacher out") {
  Bench bench;
  int asked = 0;
  bench.sampler.answer = [&](const GenerateRequest&, bool vote) {
    const char* votes[] = {"\\boxed{1}", "no idea", "\\boxed{-1}"};
    return std::string(vote ? votes[asked++ % 3] : "\\boxed{0}");
  };
  const auto verdict = bench.run_one();
  REQUIRE(verdict.votes.size() == 3);
  CHECK_FALSE(verdict.votes[1]);
  CHECK(verdict.score == 0);
  CHECK(verdict.hints.empty());
  CHECK(verdict.chosen_hint == -1);
  CHECK(bench.teacher.calls.empty());
}

TEST_CASE("equal hints are one candidate; several are chosen among") {
  Bench bench;
  bench.settings.prm.hints = 3;
  int asked = 0;
  bench.sampler.answer = [&](const GenerateRequest&, bool vote) -> std::string {
    const std::string hints[] = {kHint, "[HINT_START]Be brief, please.[HINT_END]", kHint};
    return vote ? "\\boxed{-1}" : hints[asked++ % 3];
  };
  bench.settings.teacher.hint_choice = "shortest";
  const auto verdict = bench.run_one();
  CHECK(verdict.hints == std::vector<std::string>{"Do not use rhymes.", "Be brief, please."});
  CHECK(verdict.chosen_hint == 1);
  CHECK(bench.teacher.calls.size() == 2);
}

TEST_CASE("the chosen hint is compared with the user's earlier ones, where the sampler's top-k is on record") {
  Bench bench;
  const Turn turn = scripted_turn(bench.tokenizer);
  const Teacher teacher(bench.teacher.functions(), bench.tokenizer, test::demo_template(), {});
  Verdict verdict;
  verdict.turn = turn.id;
  verdict.hints = {"Be brief."};
  teacher.score(turn, verdict, {"Write more.", "Use rhymes."});
  CHECK(verdict.hint_agreement == 0.0F);  // the scripted teacher moves all ids alike
  const auto& calls = bench.teacher.calls;
  REQUIRE(calls.size() == 4);  // the hint, none, the two earlier ones: by one version, at the same ids
  CHECK(calls[1].second.response_begin == static_cast<std::int32_t>(turn.prompt.size()));
  CHECK(calls[2].second.response_begin > calls[1].second.response_begin);
  for (const auto& [version, request] : calls) {
    CHECK(version == 3);
    CHECK(request.gather_ids == turn.completion.topk_ids);
  }
  Verdict alone = verdict;
  alone.hint_agreement.reset();
  teacher.score(turn, alone);
  CHECK_FALSE(alone.hint_agreement);
  Turn narrow = turn;
  narrow.completion.topk_ids.clear();
  narrow.completion.topk_logprobs.clear();
  teacher.score(narrow, alone, {"Write more."});
  CHECK_FALSE(alone.hint_agreement);
}

TEST_CASE("praise is compared with the user's earlier hints, a complaint without a hint with nothing") {
  Bench bench;
  const Turn turn = scripted_turn(bench.tokenizer);
  const Teacher teacher(bench.teacher.functions(), bench.tokenizer, test::demo_template(), {});
  Verdict praise, complaint;
  praise.turn = complaint.turn = turn.id;
  praise.score = 1;
  complaint.score = -1;
  teacher.score(turn, praise, {"Write more.", "Use a great many rhymes."});
  const auto& calls = bench.teacher.calls;
  REQUIRE(calls.size() == 3);
  const auto longest = static_cast<std::size_t>(calls[2].second.response_begin);  // by the script the least likely
  const double ratio = static_cast<double>(turn.completion.ids.size()) *
                       (test::ScriptedTeacher::value(3, longest) - test::ScriptedTeacher::value(3, turn.prompt.size()));
  CHECK(praise.hint_agreement.value() == Approx(std::tanh(ratio / 2)));
  CHECK_FALSE(praise.opposes());
  teacher.score(turn, complaint, {"Write more."});
  CHECK_FALSE(complaint.hint_agreement);
  Turn wordless = turn;
  wordless.next_state = {{"tool", "42", "", {}, ""}};
  Verdict of_tool = praise;
  of_tool.hint_agreement.reset();
  teacher.score(wordless, of_tool, {"Write more."});
  CHECK_FALSE(of_tool.hint_agreement);  // nobody's praise
  of_tool.origin = "user";
  teacher.score(wordless, of_tool, {"Write more."});
  CHECK(of_tool.hint_agreement);
}

TEST_CASE("a method without hints asks for none") {
  Bench bench;
  RunConfig config;
  config.samples.method = "binary";
  bench.settings = judge_settings(config, {test::kEnd});
  CHECK(bench.run_one().score == -1);
  CHECK(bench.sampler.requests.size() == 3);
}

TEST_CASE("failed and late answers") {
  Bench bench;
  bench.sampler.answer = [](const GenerateRequest&, bool) { return "fail"; };
  CHECK(bench.run_one().error == "judge: prompt too long");
  bench.sampler.answer = [](const GenerateRequest&, bool vote) { return vote ? "late" : kHint; };
  const auto verdict = bench.run_one();  // the hint stands, the votes are invalid
  CHECK(verdict.error.empty());
  CHECK(verdict.score == 0);
  CHECK(verdict.chosen_hint == 0);
  bench.teacher.present = {};
  CHECK(bench.run_one().error.find("no complete policy version") != std::string::npos);
}

TEST_CASE("base teacher, reference and the sampler's view of the teacher's ids") {
  Bench bench;
  RunConfig config;
  config.prm.teacher = "base";
  config.trainer.loss.kl_beta = 0.01;
  config.samples.subset = "teacher";
  CHECK(needs_base_version(config));
  CHECK_FALSE(needs_base_version(RunConfig{}));
  bench.settings = judge_settings(config, {test::kEnd});
  const auto verdict = bench.run_one();
  CHECK(verdict.teacher.version == -1);
  const std::size_t prompt = scripted_turn(bench.tokenizer).prompt.size();
  REQUIRE(bench.teacher.calls.size() == 3);
  CHECK(bench.teacher.calls[0].first == 0);  // the hinted context on the base
  CHECK(bench.teacher.calls[1].first == 3);  // the sampler's version, no hint, at the teacher's ids
  CHECK(bench.teacher.calls[1].second.gather_ids == verdict.teacher.topk_ids);
  CHECK(verdict.teacher.sampler_logprobs[0] == ScriptedTeacher::value(3, prompt) - 1);
  CHECK(verdict.reference_logprobs[0] == ScriptedTeacher::value(0, prompt));

  bench.teacher.present = {0, 4};  // the sampler's version is gone: nothing is made up
  CHECK(bench.run_one().teacher.sampler_logprobs.empty());
  bench.teacher.present = {4};
  CHECK(bench.run_one().error.find("prm.teacher = base") != std::string::npos);
}

TEST_CASE("with lines per user a turn is taught by the newest version of its own line") {
  Bench bench;
  bench.teacher.present = {0, 3, 8};
  bench.settings.teacher.newest = [](const Turn& turn) { return turn.user == "mia" ? 3 : 0; };
  Turn turn = scripted_turn(bench.tokenizer);
  CHECK(bench.run({turn}).at(0).teacher.version == 0);
  turn.user = "mia";
  CHECK(bench.run({turn}).at(0).teacher.version == 3);
}

TEST_CASE("turns that can never be trained are judged and not scored") {
  Bench bench;
  std::vector<Turn> turns(4, scripted_turn(bench.tokenizer));
  for (std::size_t i = 0; i < turns.size(); ++i) turns[i].id.value = static_cast<std::int64_t>(i);
  turns[0].completion.sampling.temperature = 0;
  turns[1].completion.sampling.top_p = 0.5F;
  turns[2].completion.logprobs.clear();
  turns[3].prompt.resize(2000);
  const auto verdicts = bench.run(turns);
  REQUIRE(verdicts.size() == 4);
  for (const auto& verdict : verdicts) {
    CHECK(verdict.score == -1);
    CHECK(verdict.error.empty());
    CHECK(verdict.chosen_hint == -1);
  }
  CHECK(bench.teacher.calls.empty());
}

TEST_CASE("a prompt rendered without thinking is hinted without thinking") {
  Bench bench;
  Turn turn = scripted_turn(bench.tokenizer);
  turn.template_arguments = R"({"enable_thinking": false})";
  const auto hinted = hinted_prompt(bench.tokenizer, test::demo_template(), turn, "Be kind to me.");
  CHECK(hinted == test::demo_template().render_ids(bench.tokenizer, with_hint(turn.messages, "Be kind to me."), "",
                                                   template_options(turn)));
  const std::string text = bench.tokenizer.decode(hinted, false);
  CHECK(text.ends_with("assistant\n<think>\n\n</think>\n\n"));
}

TEST_CASE("many turns in flight, bounded") {
  Bench bench;
  bench.settings.capacity = 8;
  Judge judge = bench.judge();
  for (int i = 0; i < 8; ++i) judge.submit(scripted_turn(bench.tokenizer, i), 0);
  CHECK(judge.full());
  CHECK_THROWS_AS(judge.submit(scripted_turn(bench.tokenizer, 99), 0), InternalError);
  std::size_t done = 0;
  while (judge.advance()) done += judge.take_verdicts().size();
  CHECK(done == 8);
  CHECK(bench.sampler.requests.size() == 32);
  CHECK_FALSE(judge.full());
}

TEST_CASE(
    "a judge whose template takes no system message reads the instruction in the user's; the date is the turn's") {
  Bench bench;
  bench.judge_template = ChatTemplate(
      "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
      "{{ strftime_now('%Y') }} {{ m.content }}{% endfor %}",
      "judge");
  Turn turn = scripted_turn(bench.tokenizer);
  turn.created_s = 40 * 366 * 86400.0;
  const auto verdicts = bench.run({turn});
  REQUIRE(verdicts.size() == 1);
  CHECK(verdicts[0].error.empty());
  CHECK(verdicts[0].score == -1);
  REQUIRE(!bench.sampler.requests.empty());
  CHECK_THAT(bench.tokenizer.decode(bench.sampler.requests[0].prompt, false),
             Catch::Matchers::StartsWith("2010 Judge the reply by the user's next message.\n\nTask: "));
}

TEST_CASE("a judge whose template refuses every prompt fails the turn, not the rank") {
  Bench bench;
  bench.judge_template = ChatTemplate("{{ raise_exception('never') }}", "judge");
  const auto verdict = bench.run_one();
  CHECK(verdict.error == "judge: never");
  CHECK(verdict.votes.empty());
  CHECK(bench.sampler.requests.empty());
}
