// Losses and their gradients against the float64 reference vectors.

#include <map>
#include <set>

#include "support/fixtures.hpp"
#include "trainer/fixture_tensors.hpp"
#include "trainer/torch/losses/distill_loss.hpp"
#include "trainer/torch/losses/policy_loss.hpp"

using namespace clawrl;
using namespace clawrl::test;
using nlohmann::json;

namespace {

constexpr double kTolerance = 1e-10;

struct Case {
  const json& info;
  const FixtureTensors& tensors;
  mutable std::set<std::string> used = {};
  std::string name() const { return info["name"]; }
  at::Tensor operator()(const std::string& field) const {
    used.insert(field);
    return tensors(name() + "." + field);
  }
  bool has(const std::string& field) const { return tensors.has(name() + "." + field); }
  void check(const std::string& field, const at::Tensor& value) const {
    if (has(field)) check_close(name() + "." + field, value, (*this)(field), kTolerance);
  }
};

/// Weights [B,T] of an aggregation; `sequences` < 0 = those with at least one unmasked token.
at::Tensor weights(const at::Tensor& mask, Aggregation aggregation, double sequences = -1) {
  at::Tensor result = at::zeros_like(mask);
  const at::Tensor active = mask.sum(1);
  if (sequences < 0) sequences = (active > 0).sum().item<double>();
  for (std::int64_t row = 0; row < mask.size(0); ++row) {
    const double own = active[row].item<double>();
    if (own > 0) result[row] = mask[row] * token_weight(aggregation, own, active.sum().item<double>(), sequences);
  }
  return result;
}

PolicyLossInputs policy_inputs(const Case& c, const at::Tensor& advantages) {
  PolicyLossInputs in;
  in.old_logprobs = c("logp_old");
  in.advantages = advantages;
  in.clip_low = c.info["eps_low"];
  in.clip_high = c.info["eps_high"];
  if (c.has("logp_rollout")) in.sampler_logprobs = c("logp_rollout");
  if (c.info.contains("tis_cap")) in.importance_cap = c.info["tis_cap"];
  return in;
}

void check_policy(const Case& c, const at::Tensor& advantages) {
  const at::Tensor mask = c("mask").to(at::kDouble);
  const double rows = static_cast<double>(mask.size(0)), active = mask.sum().item<double>();
  auto run = [&](const std::string& field, const at::Tensor& token_weights) {
    PolicyLossInputs in = policy_inputs(c, advantages);
    in.new_logprobs = c("logp_new").requires_grad_(true);
    in.weights = token_weights;
    const PolicyLoss result = policy_loss(in);
    result.loss.backward();
    c.check(field, result.loss);
    c.check("grad_" + field, in.new_logprobs.grad());
    c.check("loss_tokens", result.token_losses * mask);
    const double tokens = std::max(active, 1.0);
    c.check("clip_fraction", at::scalar_tensor(result.metrics.clipped / tokens, at::kDouble));
    c.check("approx_kl", at::scalar_tensor(result.metrics.kl_sum / tokens, at::kDouble));
  };
  run("token_mean", weights(mask, Aggregation::token_mean));
  run("token_sum", weights(mask, Aggregation::token_sum));
  run("seq_mean", weights(mask, Aggregation::sequence_mean));
  run("seq_mean_all", weights(mask, Aggregation::sequence_mean, rows));
  if (c.has("tis_weight")) {
    const at::Tensor weight = importance_weight(c("logp_old"), c("logp_rollout"), c.info["tis_cap"]);
    c.check("tis_weight", weight);
    const at::Tensor cut = (weight == c.info["tis_cap"].get<double>()).to(at::kDouble) * mask;
    c.check("tis_truncated_fraction", cut.sum() / std::max(active, 1.0));
  }
}

void check_ppo(const Case& c) {
  check_policy(c, c("advantages"));
}

void check_opd(const Case& c) {
  const at::Tensor advantages = c("mask") * (c("logp_teacher") - c("logp_old"));
  c.check("advantages", advantages);
  check_policy(c, advantages);
}

void check_combined(const Case& c) {
  const double rl = c.info["w_rl"], opd = c.info["w_opd"];
  const at::Tensor opd_term = c("logp_teacher") - c("logp_old");
  const at::Tensor advantages = c("mask") * (rl * c("reward").unsqueeze(1) + opd * opd_term);
  c.check("advantages", advantages);
  check_policy(c, advantages);
}

void check_kl(const Case& c) {
  const at::Tensor mask = c("mask").to(at::kDouble);
  const std::map<std::string, KlEstimator> estimators{
      {"k1", KlEstimator::k1}, {"k2", KlEstimator::k2}, {"k3", KlEstimator::k3}};
  for (const auto& [name, estimator] : estimators) {
    const at::Tensor logprobs = c("logp_new").requires_grad_(true);
    const at::Tensor tokens = kl_estimate(logprobs, c("logp_ref"), estimator);
    const at::Tensor mean = (weights(mask, Aggregation::token_mean) * tokens).sum();
    mean.backward();
    c.check(name + "_tokens", tokens * mask);
    c.check(name + "_mean", mean);
    c.check("grad_" + name + "_mean", logprobs.grad());
  }
}

/// The same through the registered loss, as a sample that carries the teacher brings it: one weight per token, two
/// columns that belong to no candidate.
void check_loss_with_teacher(const Case& c, const at::Tensor& student) {
  const std::int64_t rows = student.size(0), width = student.size(1);
  const at::Tensor pad = at::zeros({rows, 2}, at::kDouble);
  LossInputs in;
  in.logprobs = at::full({rows}, -1.0, at::kDouble);
  in.sampler_logprobs = in.logprobs;
  in.advantages = at::zeros({rows}, at::kDouble);
  in.weights = at::full({rows}, 1.0 / static_cast<double>(rows), at::kDouble);
  in.topk_logprobs = at::cat({student, pad - 0.5}, 1).requires_grad_(true);
  in.topk_sampler_logprobs = in.topk_logprobs.detach();
  in.topk_advantages = at::cat({at::full({rows, width}, 0.25, at::kDouble), pad}, 1);
  in.topk_teacher_logprobs = at::cat(
      {c("teacher_topk_logp"), pad.select(1, 0).unsqueeze(1) - 3.0, at::full({rows, 1}, std::nan(""), at::kDouble)}, 1);
  const LossOutput output = find_loss("policy").compute(in, {});
  check_close(c.name() + " through the loss", output.loss, 0.25 * c("token_mean"), kTolerance);
  output.loss.backward();
  CHECK(in.topk_logprobs.grad().isfinite().all().item<bool>());
  CHECK(in.topk_logprobs.grad().narrow(1, width, 2).abs().max().item<double>() == 0);
}

void check_binned_kl(const Case& c) {
  const at::Tensor logits = c("logits").requires_grad_(true);
  const at::Tensor student = at::log_softmax(logits, 1).gather(1, c("teacher_topk_idx"));
  const at::Tensor tokens = binned_reverse_kl(student, c("teacher_topk_logp"));
  tokens.mean().backward();
  c.check("kl_tokens", tokens);
  c.check("token_mean", tokens.mean());
  c.check("grad_logits", logits.grad());
  check_loss_with_teacher(c, student.detach());
}

/// Candidates = a subset's tokens, given as its mask over the whole vocabulary; padded with advantage 0.
void check_subset(const Case& c, const std::string& subset) {
  const double bound = c.info["C"];
  const at::Tensor old_logprobs = at::log_softmax(c("logits_old"), 1);
  const at::Tensor teacher = at::log_softmax(c("logits_teacher")[c("chosen_hint").item<std::int64_t>()], 1);
  const at::Tensor inside = c(subset + ".subset_mask") != 0;
  const at::Tensor selected = old_logprobs.masked_fill(~inside, -INFINITY);
  const at::Tensor softmax = at::softmax(selected, 1).nan_to_num(0.0);
  c.check(subset + ".weights", softmax);
  const at::Tensor advantages = (teacher - old_logprobs).clamp(-bound, bound) * softmax;
  c.check(subset + ".advantage", advantages);
  const auto widest = std::max<std::int64_t>(1, inside.sum(1).max().item<std::int64_t>());
  const at::Tensor ids = std::get<1>(inside.to(at::kLong).topk(widest, 1));
  const at::Tensor logits = c("logits_cur").requires_grad_(true);
  TopkLossInputs in;
  in.new_logprobs = at::log_softmax(logits, 1).gather(1, ids);
  in.old_logprobs = old_logprobs.gather(1, ids);
  in.advantages = advantages.gather(1, ids);
  in.clip_low = c.info["eps_low"];
  in.clip_high = c.info["eps_high"];
  const at::Tensor tokens = topk_policy_loss(in);
  tokens.mean().backward();
  c.check(subset + ".loss_tokens", tokens);
  c.check(subset + ".token_mean", tokens.mean());
  c.check(subset + ".grad_logits", logits.grad());
}

void check_hint(const Case& c) {
  for (const char* subset : {"student", "teacher", "overlap"}) check_subset(c, subset);
}

}  // namespace

TEST_CASE("losses agree with the reference vectors") {
  const json info = read_json(fixture("losses/losses.json"));
  const FixtureTensors tensors(fixture("losses/losses.safetensors"));
  const std::map<std::string, void (*)(const Case&)> checks{
      {"ppo", check_ppo}, {"ppo_tis", check_ppo},        {"opd", check_opd},         {"combined", check_combined},
      {"kl", check_kl},   {"topk_opd", check_binned_kl}, {"hint_select", check_hint}};
  const std::set<std::string> in_samples{"student_topk", "teacher_topk", "overlap", "overlap_sum",
                                         "token_optimal_hint"};
  std::size_t cases = 0;
  for (const auto& entry : info["cases"]) {
    const std::string kind = entry["kind"];
    const auto check = checks.find(kind);
    if (check == checks.end()) {  // advantages of groups: tested where they are made
      CHECK((kind == "grpo" || kind == "step_index"));
      continue;
    }
    const Case one{entry, tensors};
    check->second(one);
    for (const auto& field : entry["outputs"].get<std::vector<std::string>>()) {
      INFO(one.name() << "." << field);
      CHECK((one.used.contains(field) || in_samples.contains(field)));
    }
    ++cases;
  }
  CHECK(cases > 0);
  compared("loss", cases);
}

namespace {

/// A policy loss that is its KL term alone: no advantage anywhere.
PolicyLossInputs kl_only(const at::Tensor& logprobs, const at::Tensor& reference, const at::Tensor& token_weights,
                         KlEstimator estimator) {
  PolicyLossInputs in;
  in.new_logprobs = logprobs;
  in.old_logprobs = logprobs.detach();
  in.advantages = at::zeros_like(logprobs);
  in.weights = token_weights;
  in.reference_logprobs = reference;
  in.kl_beta = 0.7;
  in.kl_estimator = estimator;
  return in;
}

}  // namespace

TEST_CASE("the policy loss adds the estimator that was asked for, gradients as in the reference vectors") {
  const json info = read_json(fixture("losses/losses.json"));
  const FixtureTensors tensors(fixture("losses/losses.safetensors"));
  for (const auto& entry : info["cases"]) {
    if (entry["kind"] != "kl") continue;
    const Case c{entry, tensors};
    const at::Tensor token_weights = weights(c("mask").to(at::kDouble), Aggregation::token_mean);
    for (const std::string name : {"k1", "k2", "k3"}) {
      const at::Tensor logprobs = c("logp_new").requires_grad_(true);
      const auto result = policy_loss(kl_only(logprobs, c("logp_ref"), token_weights, parse_kl_estimator(name)));
      result.loss.backward();
      check_close(name, result.loss, 0.7 * c(name + "_mean"), kTolerance);
      check_close(name + " gradient", logprobs.grad(), 0.7 * c("grad_" + name + "_mean"), kTolerance);
    }
  }
  CHECK_THROWS_AS(parse_kl_estimator("k4"), UserError);
}

TEST_CASE("KL gradients agree with finite differences; a token without a reference has neither value nor gradient") {
  const at::Tensor at_point = at::tensor({-0.3, -2.0, -1.1, -4.0}, at::kDouble);
  at::Tensor reference = at::tensor({-0.9, -1.2, -1.1, -0.5}, at::kDouble);
  reference[2] = std::nan("");
  const at::Tensor token_weights = at::tensor({0.25, 0.25, 0.25, 0.5}, at::kDouble);
  for (const auto estimator : {KlEstimator::k1, KlEstimator::k2, KlEstimator::k3}) {
    const auto value = [&](const at::Tensor& logprobs) {
      return policy_loss(kl_only(logprobs, reference, token_weights, estimator)).loss;
    };
    const at::Tensor logprobs = at_point.clone().requires_grad_(true);
    value(logprobs).backward();
    CHECK(logprobs.grad()[2].item<double>() == 0);
    for (std::int64_t i = 0; i < 4; ++i) {
      constexpr double h = 1e-6;
      at::Tensor up = at_point.clone(), down = at_point.clone();
      up[i] += h;
      down[i] -= h;
      const double slope = (value(up).item<double>() - value(down).item<double>()) / (2 * h);
      CHECK(logprobs.grad()[i].item<double>() == Approx(slope).margin(1e-8));
    }
  }
}
