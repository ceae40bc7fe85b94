#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "support/catch.hpp"
#include "trainer/learner_support.hpp"
#include "trainer/torch/micro_batch.hpp"
#include "trainer/torch/token_logprobs.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

std::vector<std::int64_t> longs(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.contiguous();
  return {flat.data_ptr<std::int64_t>(), flat.data_ptr<std::int64_t>() + flat.numel()};
}

}  // namespace

TEST_CASE("the plan is longest first, bounded, stable, and holds every trained sample once") {
  Random random{1};
  std::vector<TrainingSample> samples;
  for (const std::size_t length : {3, 10, 4, 9, 40, 5}) samples.push_back(random_sample(random, length, 2));
  samples.push_back(random_sample(random, 8, 0));  // nothing trained
  MicroBatchLimits limits;
  limits.tokens = 20;
  std::vector<std::vector<std::size_t>> lengths;
  for (const auto& group : plan_micro_batches(samples, 64, limits)) {
    lengths.emplace_back();
    for (const auto* sample : group) lengths.back().push_back(sample->ids.size());
  }
  CHECK(lengths == std::vector<std::vector<std::size_t>>{{40}, {10, 9}, {5, 4, 3}});
  limits.logits = 2 * 64;  // one sample's trained tokens
  CHECK(plan_micro_batches(samples, 64, limits).size() == 6);
}

TEST_CASE("a model that keeps much for each token gets smaller micro-batches") {
  ModelConfig config;
  config.hidden_size = 128, config.num_layers = 4, config.num_heads = 4, config.num_kv_heads = 2, config.head_dim = 32;
  config.intermediate_size = 384, config.vocab_size = 2048;
  CHECK(micro_batch_limits(config, at::kCUDA).tokens == MicroBatchLimits{}.tokens);
  CHECK(micro_batch_limits(config, at::kCPU).tokens == 512);
  config.hidden_size = 1024, config.num_layers = 28, config.num_heads = 16, config.num_kv_heads = 8;
  config.head_dim = 128, config.intermediate_size = 3072;
  const auto tokens = micro_batch_limits(config, at::kCPU).tokens;
  CHECK(tokens > 256);
  CHECK(tokens < 512);
  config.num_layers = 10000;
  CHECK(micro_batch_limits(config, at::kCUDA).tokens == 64);
}

TEST_CASE("a packed micro-batch points every trained token at the state before it") {
  TrainingSample a, b;
  a.ids = {5, 6, 7, 8, 9};
  a.loss_mask = {0, 0, 0, 1, 1};
  a.sampler_logprobs = {0, 0, 0, -1, -2};
  a.advantages = {0, 0, 0, 3, 4};
  a.topk_width = 2;
  a.topk_ids = {1, 2, 3, 4};
  a.topk_logprobs = {-1, -2, -3, -4};
  a.topk_advantages = {0.1F, 0.2F, 0.3F, 0.4F};
  a.version = 6;
  b.ids = {10, 11, 12};
  b.loss_mask = {0, 1, 0};
  b.sampler_logprobs = {0, -5, 0};
  b.advantages = {0, 6, 0};
  b.temperature = 0.5F;
  b.version = 7;
  PackContext context;
  context.active_tokens = 4;
  context.version = 7;
  const auto micro = pack({&a, &b}, context, at::kCPU);
  CHECK(micro.batch == 2);
  CHECK(micro.length == 4);  // the last trained token is no input
  CHECK(longs(micro.ids) == std::vector<std::int64_t>{5, 6, 7, 8, 10, 0, 0, 0});
  CHECK(longs(micro.positions) == std::vector<std::int64_t>{0, 1, 2, 3, 0, 1, 2, 3});
  CHECK(longs(micro.rows) == std::vector<std::int64_t>{2, 3, 4});
  CHECK(longs(micro.targets) == std::vector<std::int64_t>{8, 1, 2, 9, 3, 4, 11, 11, 11});
  CHECK(at::equal(micro.loss.weights, at::full({3}, 0.25F)));
  CHECK(at::equal(micro.temperature, at::tensor({1.0F, 1.0F, 0.5F})));
  CHECK(at::equal(micro.fresh, at::tensor({0.0F, 0.0F, 1.0F})));
  CHECK(at::equal(micro.loss.topk_advantages, at::tensor({0.1F, 0.2F, 0.3F, 0.4F, 0.0F, 0.0F}).view({3, 2})));
  CHECK_FALSE(micro.loss.reference_logprobs.defined());
}

TEST_CASE("log-probs from hidden states and their gradients are those of log_softmax") {
  const auto options = at::TensorOptions(at::kDouble);
  const std::int64_t rows = 150, width = 12, vocabulary = 5000;  // several chunks, the last one partial
  const at::Tensor hidden = at::sin(at::arange(rows * width, options)).view({rows, width});
  const at::Tensor head = at::cos(at::arange(vocabulary * width, options) * 1.7).view({vocabulary, width});
  const at::Tensor ids = (at::arange(rows * 3, at::kLong) * 37 % vocabulary).view({rows, 3});
  const at::Tensor temperature = 0.5 + at::arange(rows, options) / rows;
  const at::Tensor weights = at::sin(at::arange(rows * 3, options) * 0.3).view({rows, 3});
  auto leaf = [](const at::Tensor& tensor) { return tensor.clone().requires_grad_(true); };
  const at::Tensor h1 = leaf(hidden), w1 = leaf(head), h2 = leaf(hidden), w2 = leaf(head);
  const at::Tensor fused = token_logprobs(h1, w1, ids, temperature);
  const at::Tensor plain = at::log_softmax(h2.matmul(w2.t()) / temperature.unsqueeze(1), 1).gather(1, ids);
  CHECK(at::allclose(fused, plain, 1e-12, 1e-12));
  (fused * weights).sum().backward();
  (plain * weights).sum().backward();
  CHECK(at::allclose(h1.grad(), h2.grad(), 1e-10, 1e-12));
  CHECK(at::allclose(w1.grad(), w2.grad(), 1e-10, 1e-12));
  at::NoGradGuard no_grad;
  CHECK(at::equal(token_logprobs(hidden, head, ids, temperature), fused));
}
