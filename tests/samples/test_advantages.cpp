// Numbers worked out by hand; the reference vectors are in loss_fixtures.

#include <cmath>

#include "core/error.hpp"
#include "judged_turn.hpp"
#include "samples/advantage.hpp"
#include "samples/baseline.hpp"
#include "samples/group_advantage.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using Floats = std::vector<float>;

namespace {

struct Case {
  Turn turn = test::answered_turn();
  Verdict verdict = test::hinted_verdict();
  SamplesConfig settings;
  double baseline = 0, deviation = 1;
  Case() { settings.topk_loss = "clipped"; }
  Advantages run(const std::string& method) const {
    return find_advantage(method)({turn, verdict, settings, baseline, deviation});
  }
};

}  // namespace

TEST_CASE("binary: reward less baseline on every token, none for 0") {
  Case c;
  CHECK(c.run("binary").tokens == Floats{-1, -1});
  c.baseline = -0.5;
  c.deviation = 0.25;
  CHECK(c.run("binary").tokens == Floats{-2, -2});
  c.verdict.score = 0;
  CHECK(c.run("binary").tokens == Floats{0, 0});
  CHECK(c.run("binary").topk_width == 0);
}

TEST_CASE("opd: teacher less sampler, none without a hint") {
  Case c;
  CHECK(c.run("opd").tokens == Floats{-1, 0.25F});
  c.verdict.chosen_hint = -1;
  c.verdict.teacher = {};
  CHECK(c.run("opd").tokens == Floats{0, 0});
  CHECK(c.run("opd_topk").topk_width == 0);
}

TEST_CASE("a missing teacher log-prob excludes, it is never 0") {
  Case c;
  c.verdict.teacher.logprobs.pop_back();
  CHECK(c.run("opd").exclusion == "no_teacher_logprobs");
  c.verdict.teacher.logprobs = {-1, std::nanf("")};
  CHECK(c.run("combined").exclusion == "no_teacher_logprobs");
  c.verdict.teacher.student_logprobs.pop_back();
  CHECK(c.run("combined_topk").exclusion == "no_teacher_logprobs");
  c.turn.completion.topk_logprobs.clear();
  CHECK(c.run("opd_topk").exclusion == "no_topk_logprobs");
}

TEST_CASE("top-k, student: clipped difference times the softmax of the sampler's k") {
  Case c;
  const auto a = c.run("opd_topk");
  CHECK(a.tokens == Floats{0, 0});
  CHECK(a.topk_width == 2);
  CHECK(a.topk_ids == std::vector<TokenId>{8, 1, 2, 9});
  CHECK(a.topk_logprobs == c.turn.completion.topk_logprobs);
  const float w0 = 1 / (1 + std::exp(-1.0F)), w2 = 1 / (1 + std::exp(-0.25F));
  CHECK(a.topk_advantages[0] == Approx(-1.0F * w0));
  CHECK(a.topk_advantages[1] == Approx(0.5F * (1 - w0)));
  CHECK(a.topk_advantages[2] == Approx(-1.0F * w2));  // -3 clipped to -1
  CHECK(a.topk_advantages[3] == Approx(0.25F * (1 - w2)));
}

TEST_CASE("top-k, overlap and teacher subsets") {
  Case c;
  c.settings.subset = "overlap";
  CHECK(c.run("opd_topk").topk_advantages == Floats{0, 0.5F, 0, 0.25F});  // one id each: weight 1
  c.verdict.teacher.topk_ids = {3, 4, 3, 4};
  CHECK(c.run("opd_topk").topk_advantages == Floats{0, 0, 0, 0});
  c.settings.subset = "teacher";
  CHECK(c.run("opd_topk").exclusion == "no_topk_logprobs");
  c.verdict.teacher.sampler_logprobs = {-2, -2, -2, -2};
  const auto a = c.run("opd_topk");
  CHECK(a.topk_ids == c.verdict.teacher.topk_ids);
  CHECK(a.topk_advantages == Floats{0.5F, 0.375F, 0.5F, 0.5F});
}

TEST_CASE("top-k as a divergence: the teacher travels with the sample, its weight stands where the subset is") {
  Case c;
  c.settings.topk_loss = "reverse_kl";
  auto a = c.run("opd_topk");
  CHECK(a.topk_teacher_logprobs == c.verdict.teacher.student_logprobs);
  CHECK(a.topk_advantages == Floats{1, 1, 1, 1});
  c.settings.subset = "overlap";
  c.settings.w_opd = 0.5;
  a = c.run("combined_topk");
  CHECK(a.topk_advantages == Floats{0, 0.5F, 0, 0.5F});
  CHECK(a.tokens == Floats{-1, -1});
  c.verdict.chosen_hint = -1;
  CHECK(c.run("combined_topk").topk_teacher_logprobs.empty());
}

TEST_CASE("combined: weighted sum; in the top-k form the terms stay apart") {
  Case c;
  c.settings.w_binary = 2;
  c.settings.w_opd = 0.5;
  CHECK(c.run("combined").tokens == Floats{-2.5F, -1.875F});
  const auto alone = c.run("opd_topk");
  const auto both = c.run("combined_topk");
  CHECK(both.tokens == Floats{-2, -2});
  for (std::size_t i = 0; i < 4; ++i) CHECK(both.topk_advantages[i] == Approx(0.5F * alone.topk_advantages[i]));
}

TEST_CASE("an unknown method is named with the known ones") {
  CHECK_THROWS_WITH(find_advantage("magic"), Catch::Contains("magic") && Catch::Contains("combined_topk"));
}

TEST_CASE("running baseline per key") {
  RunningBaseline baseline(1.0);
  CHECK(baseline.mean("main/main") == 0);
  CHECK(baseline.deviation("main/main") == 1);
  baseline.add("main/main", 1);
  CHECK(baseline.mean("main/main") == Approx(1));
  baseline.add("main/main", -1);  // half-life 1: weights 1/3 and 2/3
  CHECK(baseline.mean("main/main") == Approx(-1.0 / 3));
  CHECK(baseline.deviation("main/main") == Approx(std::sqrt(1 - 1.0 / 9)));
  CHECK(baseline.mean("main/alice") == 0);
  RunningBaseline copy(1.0);
  copy.restore(baseline.state());
  CHECK(copy.mean("main/main") == baseline.mean("main/main"));
  for (std::size_t i = 0; i < RunningBaseline::most_keys; ++i) copy.add("user " + std::to_string(i), 1);
  CHECK(copy.state().size() == RunningBaseline::most_keys);
  CHECK(copy.state().contains("main/main"));  // what knows most stays
}

TEST_CASE("group and step-index normalisation") {
  const std::vector<double> rewards = {1, 0, 0, 1};
  CHECK(group_advantages(rewards)[0] == Approx(0.5 / (std::sqrt(1.0 / 3) + 1e-6)));
  CHECK(group_advantages(rewards, Deviation::population)[1] == Approx(-0.5 / (0.5 + 1e-6)));
  CHECK(group_advantages(rewards, Deviation::none)[3] == 0.5);
  CHECK(group_advantages(std::vector<double>{3}) == std::vector<double>{0});
  CHECK(group_advantages(std::vector<double>{0.1, 0.1, 0.1}) == std::vector<double>{0, 0, 0});
  const auto steps = step_index_advantages({{1, {{1, 0}, {1}}}, {0, {{-1}}}});
  CHECK(steps[0][0] == Approx(1.25 / (2.5 / std::sqrt(2.0))).epsilon(1e-5));  // rewards 1.5 and -1
  CHECK(steps[0][1] == 0);                                                    // alone at this index
  CHECK(steps[1].size() == 1);
}
