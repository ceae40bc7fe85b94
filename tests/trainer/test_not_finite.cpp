// Nothing that is not a number reaches the weights, the moments or the step count.

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

#include "comm/collectives.hpp"
#include "core/error.hpp"
#include "support/catch.hpp"
#include "trainer/learner_support.hpp"
#include "trainer/torch/losses/loss.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN(), kInfinity = std::numeric_limits<double>::infinity();

/// A loss whose value is off and whose gradient is fine.
LossOutput nan_value(const LossInputs& in, const LossSettings&) {
  return {-(in.weights * in.logprobs).sum() + kNan, {}};
}
LossOutput infinite_value(const LossInputs& in, const LossSettings&) {
  return {-(in.weights * in.logprobs).sum() + kInfinity, {}};
}
/// And the other way round: sqrt has no slope at 0.
LossOutput nan_gradient(const LossInputs& in, const LossSettings&) {
  return {((in.logprobs - in.logprobs.detach()).square().sqrt() * in.weights).sum(), {}};
}

const LossRegistration nan_value_registration("nan_value", {nan_value, true});
const LossRegistration infinite_value_registration("infinite_value", {infinite_value, true});
const LossRegistration nan_gradient_registration("nan_gradient", {nan_gradient, true});

/// Every byte that a checkpoint would hold.
std::string bits(Learner& learner) {
  std::string all;
  for (const auto& view : learner.state()) all.append(static_cast<const char*>(view.data), view.bytes());
  return all;
}

LossSettings named(const std::string& name) {
  LossSettings settings;
  settings.name = name;
  settings.importance_cap = 0;
  return settings;
}

}  // namespace

TEST_CASE("a NaN or an infinity in a sample refuses the step and changes no bit") {
  const ModelFolder folder("not_finite_sample");
  const auto collectives = make_local_collectives();
  auto settings = named("policy");
  settings.kl_beta = 0.1;
  const auto learner = make_learner(folder.path, {}, settings, *collectives);
  const auto samples = [] {
    auto all = random_samples(31, 3, 2);
    for (auto& sample : all) {
      sample.reference_logprobs = sample.sampler_logprobs;
      sample.topk_teacher_logprobs = sample.topk_logprobs;
    }
    return all;
  };
  learner->step(make_batch(1, samples()));  // moments that are not 0
  const std::string before = bits(*learner);
  for (const double bad : {kNan, kInfinity, -kInfinity}) {
    const auto refused = [&](auto field, const std::string& name) {
      auto poisoned = samples();
      field(poisoned[1]) = static_cast<float>(bad);
      CHECK_THROWS_WITH(learner->step(make_batch(2, poisoned)), Catch::Contains(name) && Catch::Contains("not finite"));
      CHECK(bits(*learner) == before);
    };
    refused([](TrainingSample& s) -> float& { return s.sampler_logprobs.back(); }, "sampler_logprobs");
    refused([](TrainingSample& s) -> float& { return s.advantages.back(); }, "advantages");
    refused([](TrainingSample& s) -> float& { return s.reference_logprobs.back(); }, "reference_logprobs");
    refused([](TrainingSample& s) -> float& { return s.topk_logprobs.front(); }, "topk_logprobs");
    refused([](TrainingSample& s) -> float& { return s.topk_teacher_logprobs.back(); }, "topk_teacher_logprobs");
    refused([](TrainingSample& s) -> float& { return s.topk_advantages.back(); }, "topk_advantages");
  }
  CHECK(std::isfinite(learner->step(make_batch(2, samples())).loss));  // the next one goes on
  CHECK(bits(*learner) != before);
}

TEST_CASE("a loss or a gradient that is not finite refuses the step and changes no bit") {
  const ModelFolder folder("not_finite_loss");
  const auto collectives = make_local_collectives();
  for (const std::string name : {"nan_value", "infinite_value", "nan_gradient"}) {
    INFO(name);
    const auto learner = make_learner(folder.path, {}, named(name), *collectives);
    const std::string before = bits(*learner);
    CHECK_THROWS_WITH(learner->step(make_batch(1, random_samples(32, 3))), Catch::Contains("not finite"));
    CHECK(bits(*learner) == before);
  }
}

TEST_CASE("an advantage so large that the gradient overflows refuses the step") {
  const ModelFolder folder("overflow");
  const auto collectives = make_local_collectives();
  const auto learner = make_learner(folder.path, {}, named("policy"), *collectives);
  const std::string before = bits(*learner);
  auto samples = random_samples(33, 3);
  for (auto& sample : samples)
    for (std::size_t t = 0; t < sample.ids.size(); ++t)
      if (sample.loss_mask[t]) sample.advantages[t] = 3e38F;
  CHECK_THROWS_WITH(learner->step(make_batch(1, samples)), Catch::Contains("not finite"));
  CHECK(bits(*learner) == before);
}
