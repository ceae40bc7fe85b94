// One block of weights for many readers: the same bits as a private load, and what bf16 means for sampler and trainer.
#include "model/weight_image.hpp"

#include <ATen/ATen.h>

#include <cstring>
#include <numeric>

#include "comm/collectives.hpp"
#include "comm/mpi_collectives.hpp"
#include "core/checksum.hpp"
#include "core/error.hpp"
#include "model/policy.hpp"
#include "model/random_model.hpp"
#include "model/safetensors.hpp"
#include "support/catch.hpp"
#include "trainer/learner.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

std::vector<float> scores(Policy& policy, std::int64_t version, const std::vector<TokenId>& ids) {
  ScoreRequest request;
  request.ids = ids;
  return policy.score(version, {&request, 1})[0].logprobs;
}

TrainingSample sample_of(const std::vector<TokenId>& ids) {
  TrainingSample sample;
  sample.ids = ids;
  sample.loss_mask.assign(ids.size(), 1);
  sample.loss_mask[0] = 0;
  return sample;
}

StepBatch batch_of(const TrainingSample& sample) {
  StepBatch batch;
  batch.step = batch.version = 1;
  batch.samples = {sample};
  batch.global_active_tokens = sample.response_length();
  batch.global_samples = 1;
  return batch;
}

/// What publishing does, without ranks.
void move_weights(const std::vector<ParameterView>& from, Policy& policy, std::int64_t version) {
  const auto to = policy.shadow(version);
  REQUIRE(to.size() == from.size());
  for (std::size_t i = 0; i < to.size(); ++i) {
    REQUIRE(to[i].name == from[i].name);
    std::memcpy(to[i].data, from[i].data, to[i].bytes());
  }
  policy.publish(version);
}

LossSettings sft() {
  LossSettings loss;
  loss.name = "sft";
  return loss;
}

}  // namespace

TEST_CASE("an image holds the folder's weights bit for bit, or rounded, under one hash") {
  for (const bool tied : {true, false}) {
    const RandomModel model(11, tied);
    const auto wide = load_weight_image(model.path.string());
    const auto narrow = load_weight_image(model.path.string(), DType::bf16);
    const auto source = parameter_views(weight_layout(model.config), model.flat);
    const auto wide_views = wide->views(), narrow_views = narrow->views();
    REQUIRE(wide_views.size() == source.size());
    for (std::size_t i = 0; i < source.size(); ++i) {
      CHECK(wide_views[i].name == source[i].name);
      CHECK(std::memcmp(wide_views[i].data, source[i].data, source[i].bytes()) == 0);
      CHECK(narrow_views[i].type == (source[i].shape.size() > 1 ? DType::bf16 : DType::f32));
      std::vector<char> rounded(narrow_views[i].bytes());
      convert(source[i], {source[i].name, narrow_views[i].type, source[i].shape, rounded.data()});
      CHECK(std::memcmp(narrow_views[i].data, rounded.data(), rounded.size()) == 0);
    }
    CHECK(wide->hash() == weights_hash(source));
    CHECK(narrow->hash() == wide->hash());
    CHECK(narrow->bytes() < wide->bytes());
  }
  CHECK_THROWS_AS(load_weight_image("/nowhere"), UserError);
  CHECK_THROWS_WITH(parse_matrix_type("fp16"), Catch::Contains("fp32, bf16"));
}

TEST_CASE("policies on one image agree with a private one, and keep it alive") {
  const RandomModel model(12);
  const auto ids = some_ids(40, 1);
  const auto expected = scores(*make_policy(model.path.string()), 0, ids);
  auto image = load_weight_image(model.path.string());
  const auto first = make_policy(image), second = make_policy(image);
  const void* memory = image->matrices();
  CHECK(first->parameters(0)[0].data == memory);
  CHECK(second->parameters(0)[0].data == memory);
  image.reset();
  CHECK(scores(*first, 0, ids) == expected);
  CHECK(scores(*second, 0, ids) == expected);
  const auto narrow = make_policy(load_weight_image(model.path.string(), DType::bf16));
  CHECK(gap(scores(*narrow, 0, ids), expected) > 1e-6);  // bf16 is another model, a near one
  CHECK(gap(scores(*narrow, 0, ids), expected) < 0.05);
}

TEST_CASE("sampler and trainer in bf16 see the same model, full and LoRA, before and after a step") {
  const RandomModel model(13);
  const auto sample = sample_of(some_ids(30, 2));
  const auto alone = make_local_collectives();
  for (const std::int32_t rank : {0, 4}) {
    LoraConfig lora;
    lora.rank = rank;
    const auto image = load_weight_image(model.path.string(), DType::bf16);
    const auto policy = make_policy(image, "cpu", lora);
    OptimizerSettings optimizer;
    optimizer.learning_rate = 0.01;
    optimizer.warmup_steps = 0;
    const auto learner = make_learner(model.path.string(), optimizer, sft(), *alone, lora, "cpu", DType::bf16);
    const auto difference = [&](std::int64_t version) {
      auto trained = learner->score(sample);
      trained.erase(trained.begin());
      return gap(trained, scores(*policy, version, sample.ids));
    };
    CHECK(difference(0) < 1e-4);
    const auto before = scores(*policy, 0, sample.ids);
    learner->step(batch_of(sample));
    move_weights(learner->parameters(), *policy, 1);
    CHECK(difference(1) < 1e-4);
    CHECK(gap(scores(*policy, 1, sample.ids), before) > 1e-3);
    CHECK(policy->parameters(0)[0].data == image->matrices());  // still the shared memory
  }
}

TEST_CASE("full training in bf16 keeps what is smaller than bf16 can show") {
  const RandomModel model(14);
  const auto sample = sample_of(some_ids(30, 3));
  const auto alone = make_local_collectives();
  OptimizerSettings optimizer;
  optimizer.learning_rate = 1e-7;
  optimizer.warmup_steps = 0;
  optimizer.weight_decay = 0;
  const auto learner = make_learner(model.path.string(), optimizer, sft(), *alone, {}, "cpu", DType::bf16);
  const auto source = parameter_views(weight_layout(model.config), model.flat);
  CHECK(std::memcmp(learner->parameters()[0].data, source[0].data, source[0].bytes()) == 0);  // masters are not rounded
  learner->step(batch_of(sample));
  const auto views = learner->parameters();
  const auto* now = static_cast<const float*>(views[0].data);
  const auto* then = static_cast<const float*>(source[0].data);
  std::int64_t moved = 0, shown = 0;
  for (std::int64_t i = 0; i < views[0].elements(); ++i) {
    moved += now[i] != then[i];
    shown += at::BFloat16(now[i]).x != at::BFloat16(then[i]).x;
  }
  CHECK(moved > views[0].elements() / 4);
  CHECK(shown < moved / 20);
}

TEST_CASE("tied embeddings stay tied through publishing, in both types") {
  const RandomModel model(15, true);
  for (const auto type : {DType::f32, DType::bf16}) {
    const auto policy = make_policy(load_weight_image(model.path.string(), type));
    at::Tensor doubled = model.flat * 2;
    move_weights(parameter_views(weight_layout(model.config), doubled), *policy, 1);
    for (const auto& view : policy->parameters(1)) CHECK(view.name != "lm_head.weight");
    CHECK(policy->parameters(1)[0].type == type);
    CHECK(gap(scores(*policy, 1, some_ids(20, 4)), scores(*policy, 0, some_ids(20, 4))) > 1e-4);
  }
}
