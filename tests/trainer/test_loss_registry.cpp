// A loss added from outside src/, as docs/extending says: one file.

#include <ATen/ATen.h>

#include "comm/collectives.hpp"
#include "core/error.hpp"
#include "support/catch.hpp"
#include "trainer/learner_support.hpp"
#include "trainer/torch/losses/loss.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

/// Plain policy gradient.
LossOutput reinforce(const LossInputs& in, const LossSettings&) {
  return {-(in.weights * in.advantages * in.logprobs).sum(), {}};
}

const LossRegistration reinforce_registration("reinforce", {reinforce, true});

}  // namespace

TEST_CASE("built-in losses are there and names are checked") {
  CHECK(loss_names() == std::vector<std::string>{"policy", "reinforce", "sft"});
  CHECK_THROWS_AS(find_loss("none"), UserError);
  CHECK_THROWS_AS(LossRegistration("sft", {reinforce, true}), InternalError);
  CHECK_THROWS_AS(parse_aggregation("median"), UserError);
}

TEST_CASE("a registered loss trains: with ratios of 1 it moves the weights as the policy loss does") {
  const ModelFolder folder("registry");
  const auto collectives = make_local_collectives();
  auto run = [&](const std::string& name) {
    LossSettings settings;
    settings.name = name;
    settings.importance_cap = 0;
    const auto learner = make_learner(folder.path, {}, settings, *collectives);
    auto samples = random_samples(21, 4);
    for (auto& sample : samples) sample.sampler_logprobs = learner->score(sample);
    return learner->step(make_batch(1, samples)).grad_norm;
  };
  CHECK(run("reinforce") == Approx(run("policy")).epsilon(1e-4));
}
