// How much and where a -1 punishes.

#include "judged_turn.hpp"
#include "samples/advantage.hpp"
#include "samples/blame.hpp"
#include "samples/sample_builder.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using Floats = std::vector<float>;

namespace {

struct Case {
  Turn turn = test::answered_turn();
  Verdict verdict = test::hinted_verdict();
  SamplesConfig settings;
  double baseline = 0;
  Case() {
    turn.completion.ids = {8, 9, 10, 11, 12};
    turn.completion.logprobs.assign(5, -0.5F);
    turn.completion.versions.assign(5, 4);
  }
  Floats binary() const { return advantage_binary({turn, verdict, settings, baseline}).tokens; }
};

}  // namespace

TEST_CASE("the grade of an error scales the binary term within its bounds") {
  Case c;
  c.verdict.severity = 3;
  CHECK(c.binary() == Floats(5, -1.0F));  // off by default
  c.settings.severity = true;
  CHECK(c.binary() == Floats(5, -2.0F));
  c.verdict.severity = 1;
  CHECK(c.binary() == Floats(5, -0.5F));
  c.verdict.severity = 2;
  CHECK(c.binary()[0] == Approx(-1));  // the geometric middle of 0.5 and 2
  c.settings.severity_low = 0.25;
  c.settings.severity_high = 9;
  CHECK(severity_weight(c.verdict, c.settings) == Approx(1.5));
  c.verdict.severity = 100;  // never above the bound
  CHECK(severity_weight(c.verdict, c.settings) == Approx(9));
  c.verdict.severity = 0;
  CHECK(c.binary() == Floats(5, -1.0F));  // nobody graded it
  c.verdict.severity = 3;
  c.verdict.score = 1;
  CHECK(c.binary() == Floats(5, 1.0F));  // there is no error
  c.verdict.score = 0;
  CHECK(c.binary() == Floats(5, 0.0F));
}

TEST_CASE("tokens before the fault are not punished") {
  Case c;
  c.verdict.fault_begin = 2;
  c.verdict.fault_end = 3;
  CHECK(c.binary() == Floats(5, -1.0F));  // off by default
  c.settings.localise_errors = true;
  CHECK(c.binary() == Floats{0, 0, -1, -1, -1});
  c.verdict.fault_begin = 0;
  CHECK(c.binary() == Floats(5, -1.0F));
  c.verdict.fault_begin = -1;  // not located: the whole reply, as without the switch
  CHECK(c.binary() == Floats(5, -1.0F));
  c.verdict.fault_begin = 99;
  CHECK(c.binary() == Floats(5, 0.0F));
  c.verdict.fault_begin = 2;
  c.verdict.score = 1;
  CHECK(c.binary() == Floats(5, 1.0F));
}

TEST_CASE("the end of a bad reply may go unpunished, where the policy ended it") {
  Case c;
  CHECK(c.binary() == Floats(5, -1.0F));  // off by default
  c.settings.spare_end = true;
  CHECK(c.binary() == Floats{-1, -1, -1, -1, 0});
  c.baseline = -3;  // a -1 that is better than usual
  CHECK(c.binary() == Floats(5, 2.0F));
  c.baseline = 0;
  c.turn.completion.finish = FinishReason::length;  // the last token is no end
  CHECK(c.binary() == Floats(5, -1.0F));
  c.turn.completion.finish = FinishReason::stop;
  c.verdict.score = 1;
  CHECK(c.binary() == Floats(5, 1.0F));
  c.verdict.score = -1;
  c.settings.method = "combined";
  c.verdict.teacher.logprobs = {-1.5F, -0.5F, -0.5F, -0.5F, -0.25F};
  const auto built = SampleBuilder(c.settings).build(c.turn, c.verdict, 4);
  CHECK(built.sample->advantages == Floats{0, 0, 0, -2, -1, -1, -1, 0.25F});  // the teacher's word on the end stays
}

TEST_CASE("what is no punishment stays, before the fault too") {
  Case c;
  c.settings.localise_errors = true;
  c.verdict.fault_begin = 2;
  c.baseline = -3;  // a -1 that is better than usual
  CHECK(c.binary() == Floats(5, 2.0F));
  Floats mixed = {-1, 1, -1, 1, -1};
  spare_before_fault(c.verdict, c.settings, mixed);
  CHECK(mixed == Floats{0, 1, -1, 1, -1});
}

TEST_CASE("grade and place together reach the sample; the other term is untouched") {
  Case c;
  c.settings.method = "combined";
  c.settings.severity = c.settings.localise_errors = true;
  c.verdict.severity = 3;
  c.verdict.fault_begin = 3;
  c.verdict.teacher.logprobs = {-1.5F, -0.5F, -0.5F, -0.5F, -0.25F};
  const auto built = SampleBuilder(c.settings).build(c.turn, c.verdict, 4);
  CHECK(built.sample->advantages == Floats{0, 0, 0, -1, 0, 0, -2, -1.75F});
}
