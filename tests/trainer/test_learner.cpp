#include <cmath>

#include "comm/collectives.hpp"
#include "core/error.hpp"
#include "support/catch.hpp"
#include "trainer/learner_support.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

LossSettings settings(const std::string& name, double importance_cap = 0) {
  LossSettings loss;
  loss.name = name;
  loss.importance_cap = importance_cap;
  return loss;
}

/// Sampler log-probs as the learner itself gives them.
void score_samples(Learner& learner, std::vector<TrainingSample>& samples) {
  for (auto& sample : samples) sample.sampler_logprobs = learner.score(sample);
}

/// Sequences that count upwards: the next token follows from the last one.
std::vector<TrainingSample> counting_corpus(std::uint64_t seed, std::size_t count) {
  auto samples = random_samples(seed, count);
  for (auto& sample : samples) {
    for (std::size_t t = 1; t < sample.ids.size(); ++t) sample.ids[t] = (sample.ids[t - 1] + 1) % 64;
    sample.sampler_logprobs.clear();
    sample.advantages.clear();
  }
  return samples;
}

}  // namespace

TEST_CASE("cross-entropy falls on a toy corpus, with full weights and with an adapter") {
  const ModelFolder folder("sft");
  const auto collectives = make_local_collectives();
  const auto rank = GENERATE(0, 8);
  OptimizerSettings optimizer;
  optimizer.learning_rate = rank ? 2e-2 : 1e-2;
  optimizer.total_steps = 60;
  LoraConfig lora;
  lora.rank = rank;
  const auto learner = make_learner(folder.path, optimizer, settings("sft"), *collectives, lora);
  double first = 0, last = 0;
  for (std::int64_t step = 1; step <= 60; ++step) {
    const auto metrics = learner->step(make_batch(step, counting_corpus(static_cast<std::uint64_t>(step), 16)));
    if (step == 1) first = metrics.loss;
    last = metrics.loss;
  }
  CHECK(first == Approx(std::log(64.0)).margin(0.1));
  CHECK(last < (rank ? 3.9 : 1.0));  // the base under the adapter is random
}

TEST_CASE("learning rate: warm-up, constant or cosine down to a tenth") {
  const ModelFolder folder("schedule");
  const auto collectives = make_local_collectives();
  OptimizerSettings optimizer;
  optimizer.learning_rate = 1.0;
  optimizer.warmup_steps = 4;
  optimizer.weight_decay = 0;
  auto rates = [&](std::int64_t total) {
    optimizer.total_steps = total;
    const auto learner = make_learner(folder.path, optimizer, settings("sft"), *collectives);
    std::vector<double> seen;
    for (const std::int64_t step : {1, 4, 8, 12, 20}) {
      StepBatch batch;
      batch.step = step;
      seen.push_back(learner->step(batch).learning_rate);
    }
    return seen;
  };
  CHECK(rates(0) == std::vector<double>{0.25, 1, 1, 1, 1});
  const auto cosine = rates(12);
  CHECK(cosine[1] == Approx(1.0));
  CHECK(cosine[2] == Approx(0.55));
  CHECK(cosine[3] == Approx(0.1));
  CHECK(cosine[4] == Approx(0.1));
}

TEST_CASE("the same inputs give the same bits, and a restored state goes on with them") {
  const ModelFolder folder("restore");
  const auto collectives = make_local_collectives();
  LoraConfig lora;
  lora.rank = GENERATE(0, 4);
  auto make = [&] { return make_learner(folder.path, {}, settings("policy"), *collectives, lora); };
  auto batch = [](std::int64_t step) {
    return make_batch(step, random_samples(static_cast<std::uint64_t>(step), 9, 3));
  };
  const auto whole = make(), again = make(), before = make(), after = make();
  for (std::int64_t step = 1; step <= 4; ++step) {
    whole->step(batch(step));
    again->step(batch(step));
    if (step <= 2) before->step(batch(step));
  }
  CHECK(flatten(whole->state()) == flatten(again->state()));
  copy_state(before->state(), after->state());
  for (std::int64_t step = 3; step <= 4; ++step) after->step(batch(step));
  CHECK(flatten(whole->state()) == flatten(after->state()));
  CHECK(*static_cast<std::int64_t*>(after->state().back().data) == 4);
  CHECK(after->state().back().name == "adam.step");
  CHECK(flatten(whole->parameters()) != flatten(make()->parameters()));
}

TEST_CASE("score does not depend on what else is in the batch, and follows the temperature") {
  const ModelFolder folder("score");
  const auto collectives = make_local_collectives();
  const auto learner = make_learner(folder.path, {}, settings("policy"), *collectives);
  auto samples = random_samples(5, 7);
  score_samples(*learner, samples);
  const auto metrics = learner->step(make_batch(1, samples));
  CHECK(metrics.gap_tokens == metrics.active_tokens);  // version 0 is what the trainer holds before step 1
  CHECK(metrics.gap_max < 1e-5);
  CHECK(metrics.ratio_mean == Approx(1.0).margin(1e-5));
  auto sample = samples[0];
  const auto warm = learner->score(sample);
  sample.temperature = 0.5F;
  const auto cold = learner->score(sample);
  CHECK(warm.size() == sample.ids.size());
  CHECK(warm[0] == 0.0F);
  CHECK(warm[1] != cold[1]);
}

TEST_CASE("gap on the trainer's own version, drift and staleness on older ones") {
  const ModelFolder folder("gap");
  const auto collectives = make_local_collectives();
  const auto learner = make_learner(folder.path, {}, settings("policy"), *collectives);
  auto samples = random_samples(6, 4);
  score_samples(*learner, samples);
  for (auto& sample : samples) sample.version = 9;
  for (auto& value : samples[0].sampler_logprobs) value -= 0.25F;
  samples[0].version = 6;
  auto batch = make_batch(10, samples);
  const auto metrics = learner->step(batch);
  CHECK(metrics.gap_max < 1e-5);
  CHECK(metrics.gap_tokens == metrics.active_tokens - samples[0].response_length());
  CHECK(metrics.drift_mean == Approx(0.25).margin(1e-4));
  CHECK(metrics.staleness_max == 3);
  CHECK(metrics.staleness_mean == Approx(0.75));
  CHECK(metrics.samples == 4);
}

TEST_CASE("decoupled form: ratio 1, and the loss is the importance-weighted advantage") {
  const ModelFolder folder("decoupled");
  const auto collectives = make_local_collectives();
  const auto learner = make_learner(folder.path, {}, settings("policy", 2.0), *collectives);
  auto samples = random_samples(7, 5);
  score_samples(*learner, samples);
  double expected = 0, active = 0;
  for (auto& sample : samples) {
    for (std::size_t t = 1; t < sample.ids.size(); ++t) {
      if (!sample.loss_mask[t]) continue;
      const float shift = t % 2 ? -1.0F : 0.5F;  // weights exp(1), cut to 2, and exp(-0.5)
      sample.sampler_logprobs[t] += shift;
      expected -= sample.advantages[t] * std::min(2.0, std::exp(-static_cast<double>(shift)));
      active += 1;
    }
  }
  const auto metrics = learner->step(make_batch(1, samples));
  CHECK(metrics.loss == Approx(expected / active).margin(1e-5));
  CHECK(metrics.ratio_mean == 1.0);
  CHECK(metrics.clip_fraction == 0.0);
  CHECK(metrics.drift_mean == 0.0);
}

TEST_CASE("sequence mean weighs every sample alike; a reference adds its KL") {
  const ModelFolder folder("sequence_mean");
  const auto collectives = make_local_collectives();
  auto loss = settings("policy");
  loss.aggregation = "sequence_mean";
  loss.kl_beta = 0.5;
  const auto learner = make_learner(folder.path, {}, loss, *collectives);
  auto samples = random_samples(8, 2);
  score_samples(*learner, samples);
  double kl = 0, advantage = 0;
  for (auto& sample : samples) {
    sample.reference_logprobs = sample.sampler_logprobs;
    for (std::size_t t = 1; t < sample.ids.size(); ++t) {
      if (!sample.loss_mask[t]) continue;
      const double shift = 0.1 * static_cast<double>(t % 3);
      sample.reference_logprobs[t] += static_cast<float>(shift);  // d = -shift
      kl += (std::exp(shift) - 1 - shift) / sample.response_length() / 2;
      advantage += sample.advantages[t] / sample.response_length() / 2;
    }
  }
  const auto metrics = learner->step(make_batch(1, samples));
  CHECK(metrics.loss == Approx(-advantage + 0.5 * kl).margin(1e-5));
  CHECK(metrics.reference_kl > 0);
  samples[1].reference_logprobs.clear();
  CHECK_THROWS_WITH(learner->step(make_batch(2, samples)), Catch::Contains("reference_logprobs"));
}

TEST_CASE("the top-k term moves the candidates' probabilities towards their advantages") {
  const ModelFolder folder("topk");
  const auto collectives = make_local_collectives();
  const auto learner = make_learner(folder.path, {}, settings("policy"), *collectives);
  Random random{9};
  auto sample = random_sample(random, 12, 4, 2);
  for (auto& advantage : sample.advantages) advantage = 0;
  for (std::size_t r = 0; r < 4; ++r) {
    sample.topk_ids[2 * r] = 11;
    sample.topk_ids[2 * r + 1] = 22;
    sample.topk_advantages[2 * r] = 0.5F;
    sample.topk_advantages[2 * r + 1] = -0.5F;
  }
  auto probability = [&](TokenId id) {
    auto probe = sample;
    probe.ids.back() = id;
    return learner->score(probe).back();
  };
  const float liked = probability(11), disliked = probability(22);
  Random other{10};
  for (std::int64_t step = 1; step <= 3; ++step) learner->step(make_batch(step, {sample, random_sample(other, 9, 3)}));
  CHECK(probability(11) > liked);
  CHECK(probability(22) < disliked);
}

TEST_CASE("a sample that carries the teacher's log-probs moves the policy towards the teacher") {
  const ModelFolder folder("reverse_kl");
  const auto collectives = make_local_collectives();
  const auto learner = make_learner(folder.path, {}, settings("policy"), *collectives);
  Random random{9};
  auto sample = random_sample(random, 12, 4, 2);
  for (auto& advantage : sample.advantages) advantage = 0;
  for (std::size_t r = 0; r < 4; ++r) {
    sample.topk_ids[2 * r] = 11;
    sample.topk_ids[2 * r + 1] = 22;
    sample.topk_advantages[2 * r] = sample.topk_advantages[2 * r + 1] = 1;
  }
  sample.topk_teacher_logprobs.resize(8);
  for (std::size_t i = 0; i < 8; ++i) sample.topk_teacher_logprobs[i] = i % 2 == 0 ? -0.5F : -6.0F;
  auto probability = [&](TokenId id) {
    auto probe = sample;
    probe.ids.back() = id;
    return learner->score(probe).back();
  };
  const float likely = probability(11), unlikely = probability(22);
  Random other{10};  // a surrogate sample beside it: both kinds share a micro-batch
  double first = 0, last = 0;
  for (std::int64_t step = 1; step <= 4; ++step) {
    auto beside = random_sample(other, 9, 3, 1);
    for (auto& advantage : beside.advantages) advantage = 0;
    for (auto& advantage : beside.topk_advantages) advantage = 0;
    (step == 1 ? first : last) = learner->step(make_batch(step, {sample, beside})).loss;
  }
  CHECK(last < first);
  CHECK(probability(11) > likely);
  CHECK(probability(22) < unlikely);
}

TEST_CASE("malformed samples and batches are refused by name and change nothing") {
  const ModelFolder folder("refuse");
  const auto collectives = make_local_collectives();
  const auto learner = make_learner(folder.path, {}, settings("policy"), *collectives);
  const auto before = flatten(learner->parameters());
  auto refused = [&](auto change, const std::string& field) {
    auto samples = random_samples(11, 2, 2);
    change(samples[1]);
    CHECK_THROWS_WITH(learner->step(make_batch(1, samples)), Catch::Contains(field));
  };
  refused([](TrainingSample& s) { s.sampler_logprobs.clear(); }, "sampler_logprobs");
  refused([](TrainingSample& s) { s.sampler_logprobs.back() = NAN; }, "sampler_logprobs");
  refused([](TrainingSample& s) { s.advantages.pop_back(); }, "advantages");
  refused([](TrainingSample& s) { s.ids.back() = 64; }, "ids holds 64");
  refused([](TrainingSample& s) { s.loss_mask[0] = 1; }, "loss_mask[0]");
  refused([](TrainingSample& s) { s.topk_ids.pop_back(); }, "topk_ids");
  refused([](TrainingSample& s) { s.topk_ids[0] = -1; }, "topk_ids holds -1");
  refused([](TrainingSample& s) { s.temperature = 0; }, "temperature");
  refused([](TrainingSample& s) { s.topk_teacher_logprobs = {-1.0F}; }, "topk_teacher_logprobs");
  refused([](TrainingSample& s) { s.topk_teacher_logprobs.assign(s.topk_ids.size(), NAN); }, "topk_teacher_logprobs");
  auto batch = make_batch(1, random_samples(12, 2));
  batch.global_active_tokens += 1;
  CHECK_THROWS_AS(learner->step(batch), UserError);
  CHECK(flatten(learner->parameters()) == before);
  CHECK_THROWS_WITH(make_learner(folder.path, {}, settings("dpo"), *collectives), Catch::Contains("policy, sft"));
  CHECK_THROWS_AS(make_learner(folder.path + "_absent", {}, settings("sft"), *collectives), UserError);
  CHECK_THROWS_WITH(make_learner(folder.path, {}, settings("sft"), *collectives, {}, "tpu"), Catch::Contains("tpu"));
}

TEST_CASE("adapter parameters carry PEFT's names and start without effect") {
  const ModelFolder folder("adapter");
  const auto collectives = make_local_collectives();
  LoraConfig lora;
  lora.rank = 4;
  const auto base = make_learner(folder.path, {}, settings("policy"), *collectives);
  const auto learner = make_learner(folder.path, {}, settings("policy"), *collectives, lora);
  const auto parameters = learner->parameters();
  REQUIRE(parameters.size() == 2 * 7 * 2);
  CHECK(parameters[0].name == "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight");
  CHECK(parameters[0].shape == std::vector<std::int64_t>{4, 32});
  const auto sample = random_samples(13, 1)[0];
  CHECK(learner->score(sample) == base->score(sample));
  CHECK(base->parameters()[0].name == "model.embed_tokens.weight");
}
