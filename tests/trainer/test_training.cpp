// Whole optimiser steps against the reference runs: full weights and LoRA.

#include <map>

#include "comm/collectives.hpp"
#include "support/fixtures.hpp"
#include "trainer/fixture_tensors.hpp"
#include "trainer/learner_support.hpp"

using namespace clawrl;
using namespace clawrl::test;
using nlohmann::json;

namespace {

StepBatch fixture_batch(const FixtureTensors& tensors, std::int64_t sequences, std::int64_t step) {
  std::vector<TrainingSample> samples;
  for (std::int64_t i = 0; i < sequences; ++i) {
    const std::string prefix = "batch." + std::to_string(i) + ".";
    const at::Tensor ids = tensors(prefix + "ids"), mask = tensors(prefix + "mask");
    const at::Tensor old = tensors(prefix + "logp_old"), advantages = tensors(prefix + "advantages");
    TrainingSample sample;
    for (std::int64_t t = 0; t < ids.size(0); ++t) {
      sample.ids.push_back(static_cast<TokenId>(ids[t].item<std::int64_t>()));
      sample.loss_mask.push_back(t > 0 && mask[t - 1].item<float>() != 0);
      sample.sampler_logprobs.push_back(t > 0 ? old[t - 1].item<float>() : 0);
      sample.advantages.push_back(t > 0 ? advantages[t - 1].item<float>() : 0);
    }
    samples.push_back(std::move(sample));
  }
  return make_batch(step, std::move(samples));
}

struct Run {
  OptimizerSettings optimizer;
  LossSettings loss;
};

Run settings(const json& info, bool matrices_only) {
  Run run;
  const json& optimizer = info["optimizer"];
  run.optimizer.learning_rate = optimizer["lr"];
  run.optimizer.beta1 = optimizer["betas"][0];
  run.optimizer.beta2 = optimizer["betas"][1];
  run.optimizer.eps = optimizer["eps"];
  run.optimizer.weight_decay = optimizer["weight_decay"];
  run.optimizer.max_grad_norm = optimizer["max_grad_norm"];
  run.optimizer.decay_matrices_only = matrices_only;
  run.optimizer.warmup_steps = 0;
  run.loss.clip_low = info["loss"]["eps_low"];
  run.loss.clip_high = info["loss"]["eps_high"];
  run.loss.importance_cap = 0;  // the ratio is against the given log-probs
  return run;
}

void check_metrics(const StepMetrics& metrics, const json& expected) {
  INFO("step " << metrics.step);
  CHECK(metrics.loss == Approx(expected["loss"].get<double>()).margin(1e-5).epsilon(0));
  CHECK(metrics.approx_kl == Approx(expected["approx_kl"].get<double>()).margin(1e-5).epsilon(0));
  CHECK(metrics.clip_fraction == Approx(expected["clip_fraction"].get<double>()).margin(1e-12).epsilon(0));
  if (!expected.contains("grad_norm")) return;  // an evaluation
  CHECK(metrics.grad_norm == Approx(expected["grad_norm"].get<double>()).epsilon(1e-4));
}

std::map<std::string, at::Tensor> tensors_of(const std::vector<ParameterView>& views) {
  std::map<std::string, at::Tensor> all;
  for (const auto& view : views) {
    if (view.type == DType::f32) all[view.name] = at::from_blob(view.data, view.shape, at::kFloat);
  }
  return all;
}

/// Gradients as the first step's moment tells them: m = (1 - beta1) * clipped gradient.
at::Tensor gradient(const std::map<std::string, at::Tensor>& state, const std::string& name, const Run& run,
                    double norm) {
  const double coefficient = std::min(1.0, run.optimizer.max_grad_norm / (norm + 1e-6));
  return state.at("adam.m." + name).to(at::kDouble) / ((1 - run.optimizer.beta1) * coefficient);
}

at::Tensor slice_of(const at::Tensor& parameter) {
  const at::Tensor flat = parameter.reshape({-1});
  const auto n = flat.numel();
  return at::cat({flat.slice(0, 0, 16), flat.slice(0, n / 2, n / 2 + 16)});
}

struct Share {
  double off = 0, elements = 0;
  void add(const at::Tensor& value, const at::Tensor& expected) {
    off += ((value.to(at::kDouble) - expected.to(at::kDouble)).abs() > 1e-5).sum().item<double>();
    elements += static_cast<double>(value.numel());
  }
};

void check_log_probs(Learner& learner, const FixtureTensors& tensors, std::int64_t sequences) {
  const auto batch = fixture_batch(tensors, sequences, 1);
  for (std::int64_t i = 0; i < sequences; ++i) {
    const auto scores = learner.score(batch.samples[static_cast<std::size_t>(i)]);
    const at::Tensor expected = tensors("batch." + std::to_string(i) + ".logp_new_ref64");
    for (std::int64_t t = 0; t < expected.size(0); ++t) {
      CHECK(scores[static_cast<std::size_t>(t) + 1] == Approx(expected[t].item<double>()).margin(2e-4).epsilon(0));
    }
  }
}

}  // namespace

TEST_CASE("three full-weight steps follow the reference") {
  const json info = read_json(fixture("training/training.json"));
  const FixtureTensors tensors(fixture("training/training.safetensors"));
  const std::string folder = fixture(info["base_model"].get<std::string>()).string();
  const std::int64_t sequences = info["sequences"];
  const auto collectives = make_local_collectives();
  for (const std::string name : {"decay_all", "decay_matrices"}) {
    INFO(name);
    const Run run = settings(info, name == "decay_matrices");
    const auto learner = make_learner(folder, run.optimizer, run.loss, *collectives);
    check_log_probs(*learner, tensors, sequences);
    const json& reference = info["runs"][name];
    for (std::int64_t step = 1; step <= 4; ++step) {
      const auto metrics = learner->step(fixture_batch(tensors, sequences, step));
      check_metrics(metrics, reference["history_ref64"][static_cast<std::size_t>(step - 1)]);
      if (step == 4) break;  // the last entry is an evaluation
      const auto state = tensors_of(learner->state());
      const std::string prefix = name + ".step" + std::to_string(step) + "_ref64.";
      Share share;
      for (const auto& view : learner->parameters()) {
        share.add(slice_of(state.at(view.name)), tensors(prefix + view.name));
        const json& sums = reference["checksums"]["step" + std::to_string(step)][view.name];
        const at::Tensor values = state.at(view.name).to(at::kDouble);
        CHECK(values.norm().item<double>() == Approx(sums["ref64_l2"].get<double>()).epsilon(1e-5));
        const double margin = 1e-4 + 1e-5 * std::sqrt(static_cast<double>(values.numel()));
        CHECK(values.sum().item<double>() == Approx(sums["ref64_sum"].get<double>()).margin(margin));
        if (step == 1 && tensors.has("grad_ref64." + view.name)) {
          check_close("gradient of " + view.name, gradient(state, view.name, run, metrics.grad_norm),
                      tensors("grad_ref64." + view.name), 1e-5);
        }
      }
      CHECK(share.off <= 0.001 * share.elements);
    }
  }
  compared("training", 2);
}

TEST_CASE("three LoRA steps follow the reference") {
  const json info = read_json(fixture("lora/lora.json"));
  const FixtureTensors tensors(fixture("lora/training.safetensors"));
  const SafetensorsFile adapter(fixture("lora/adapter/adapter_model.safetensors").string());
  const std::string folder = fixture(info["base_model"].get<std::string>()).string();
  const std::int64_t sequences = info["sequences"];
  const auto collectives = make_local_collectives();
  const Run run = settings(info, false);
  LoraConfig lora;
  lora.rank = info["r"];
  lora.alpha = info["alpha"];
  const auto learner = make_learner(folder, run.optimizer, run.loss, *collectives, lora);
  for (const auto& view : learner->state()) {
    if (const auto* stored = adapter.find(view.name)) convert(*stored, view);
  }
  CHECK(learner->parameters().size() == adapter.tensors().size());
  check_log_probs(*learner, tensors, sequences);
  for (std::int64_t step = 1; step <= 4; ++step) {
    const auto metrics = learner->step(fixture_batch(tensors, sequences, step));
    check_metrics(metrics, info["history_ref64"][static_cast<std::size_t>(step - 1)]);
    const std::string prefix = "step" + std::to_string(step) + "_ref64.";
    const auto state = tensors_of(learner->state());
    Share share;
    for (const auto& view : learner->parameters()) {
      if (step == 1) {
        check_close("gradient of " + view.name, gradient(state, view.name, run, metrics.grad_norm),
                    tensors("grad." + view.name), 1e-5);
      }
      if (tensors.has(prefix + view.name)) share.add(state.at(view.name), tensors(prefix + view.name));
    }
    CHECK(share.off <= 0.001 * share.elements);
  }
  compared("LoRA training", 1);
}
