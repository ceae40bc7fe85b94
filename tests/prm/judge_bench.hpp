#pragma once
// A judge between a scripted sampler and a scripted teacher.

#include "kernels/with_kernels.hpp"
#include "scripted_backend.hpp"
#include "support/catch.hpp"

namespace clawrl::test {

inline const std::string kHint = "[HINT_START]Do not use rhymes.[HINT_END]";

struct Bench : WithKernels {
  TemporaryFolder folder;
  Tokenizer tokenizer = tiny_tokenizer(folder);
  JudgeSettings settings;
  ScriptedSampler sampler{tokenizer, [](const GenerateRequest&, bool vote) { return vote ? "\\boxed{-1}" : kHint; }};
  ScriptedTeacher teacher;

  ChatTemplate judge_template = demo_template();

  Judge judge() {
    settings.stop_tokens = {kEnd};
    return {sampler.functions(), tokenizer, judge_template,
            Teacher(teacher.functions(), tokenizer, demo_template(), settings.teacher), settings};
  }
  std::vector<Verdict> run(const std::vector<Turn>& turns, std::int32_t revision = 0) {
    Judge judging = judge();
    for (const auto& turn : turns) judging.submit(turn, revision);
    std::vector<Verdict> verdicts;
    for (int i = 0; i < 1000 && judging.advance(); ++i)
      for (auto& verdict : judging.take_verdicts()) verdicts.push_back(std::move(verdict));
    CHECK(judging.in_flight() == 0);
    return verdicts;
  }
  Verdict run_one() {
    auto verdicts = run({scripted_turn(tokenizer)});
    REQUIRE(verdicts.size() == 1);
    return verdicts[0];
  }
};

}  // namespace clawrl::test
