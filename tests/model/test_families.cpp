// Models of odd sizes with every optional part (biases, no head norms, windows), against float64 differences and
// against each other: training gradients, scoring and paged sampling.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <unistd.h>

#include "merged_weights.hpp"
#include "model/model_folder.hpp"
#include "model/torch/transformer.hpp"
#include "model_cases.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

ModelConfig odd(const std::string& family) {
  ModelConfig c;
  set_family(c, family);
  c.vocab_size = 37;
  c.hidden_size = 22;
  c.intermediate_size = 13;
  c.num_layers = 2;
  c.num_heads = 3;
  c.num_kv_heads = 1;
  c.head_dim = 10;
  c.max_positions = 1024;
  c.rope = {RopeType::yarn, 4, 32};
  c.rope.attention_factor = yarn_magnitude(4);
  if (family == "qwen2") c.windows = {0, 5};
  if (family == "llama") c.qkv_bias = c.o_bias = c.mlp_bias = true;
  if (family == "mistral") c.windows = {5, 5};
  if (family == "qwen3_moe") c.experts = {6, 2, 7, true, {false, true}};
  return c;
}

at::Tensor filled(const ModelConfig& config, std::uint64_t seed) {
  at::manual_seed(seed);
  const auto layout = weight_layout(config);
  auto flat = at::zeros({layout.size});
  for (const auto& slot : layout.slots) {
    const auto tensor = slot_tensor(slot, flat);
    tensor.normal_(slot.name.ends_with("norm.weight") ? 1.0 : 0.0, 0.3);
  }
  return flat;
}

at::Tensor loss(const ModelConfig& config, const WeightSet& weights, const at::Tensor& ids,
                const at::Tensor& direction) {
  const auto length = ids.size(1);
  PaddedAttention attention(ids.size(0), length);
  Transformer transformer(config);
  const auto positions = at::arange(length, at::kLong).repeat({ids.size(0)});
  const auto logits = transformer.logits(weights, transformer.hidden(weights, ids.view(-1), positions, attention));
  return (logits * direction).sum();
}

}  // namespace

TEST_CASE("gradients of every parameter agree with float64 differences, over more than one block of a window") {
  for (const auto* family : {"qwen3", "qwen3_moe", "qwen2", "llama", "mistral"}) {
    const auto config = odd(family);
    const auto flat = filled(config, 5);
    const std::int64_t length = config.window(0) > 0 ? 270 : 30;  // windows go in blocks of 256 queries
    const auto ids = at::randint(0, config.vocab_size, {1, length}, at::kLong);
    const auto direction = at::randn({length, config.vocab_size}) / 100;
    auto weights = bind_weights(config, flat);
    const auto gradient = at::zeros_like(flat);
    track_gradients(config, weights, gradient);
    loss(config, weights, ids, direction).backward();
    const at::NoGradGuard no_grad;
    for (const auto& slot : weight_layout(config).slots) {
      const auto step = at::zeros_like(flat, at::kDouble);
      slot_tensor(slot, step).normal_();
      auto at_distance = [&](double h) {
        const auto moved = bind_weights(config, flat.to(at::kDouble) + h * step);
        return loss(config, moved, ids, direction.to(at::kDouble)).item<double>();
      };
      const double expected = (at_distance(1e-5) - at_distance(-1e-5)) / 2e-5;
      INFO(family << " " << slot.name);
      CHECK((gradient.to(at::kDouble) * step).sum().item<double>() == Approx(expected).epsilon(1e-3).margin(1e-4));
      if (!slot.name.ends_with("k_proj.bias"))  // softmax does not see what all keys share, but for the rotation
        CHECK(slot_tensor(slot, gradient).abs().max().item<float>() > 0);
    }
  }
}

TEST_CASE("an adapter beside biases, windows and experts is the merged model, and its gradient is right") {
  for (const auto* family : {"qwen2", "llama", "qwen3_moe"}) {
    const auto config = odd(family);
    LoraConfig lora;
    lora.rank = 3;
    if (config.experts.count > 0) lora.targets = {"q_proj", "k_proj", "v_proj", "o_proj"};
    auto weights = bind_weights(config, filled(config, 7));
    const auto flat = random_lora(config, lora, 8).normal_(0.0, 0.2), gradient = at::zeros_like(flat);
    auto with_adapter = weights;
    with_adapter.lora = bind_lora(config, lora, flat);
    track_lora_gradients(config, lora, with_adapter.lora, gradient);
    const auto ids = at::randint(0, config.vocab_size, {1, 40}, at::kLong);
    const auto direction = at::randn({40, config.vocab_size}) / 100;
    const auto value = loss(config, with_adapter, ids, direction);
    value.backward();
    const at::NoGradGuard no_grad;
    const auto merged = test::merged(config, weights, with_adapter.lora);
    CHECK(value.item<double>() == Approx(loss(config, merged, ids, direction).item<double>()).margin(1e-4));
    const auto base = filled(config, 7).to(at::kDouble), step = at::randn(flat.sizes(), at::kDouble);
    auto at_distance = [&](double h) {
      auto moved = bind_weights(config, base);
      moved.lora = bind_lora(config, lora, flat.to(at::kDouble) + h * step);
      return loss(config, moved, ids, direction.to(at::kDouble)).item<double>();
    };
    const double expected = (at_distance(1e-5) - at_distance(-1e-5)) / 2e-5;
    CHECK((gradient.to(at::kDouble) * step).sum().item<double>() == Approx(expected).epsilon(1e-3).margin(1e-4));
  }
}

TEST_CASE("a token's experts do not depend on its neighbours, and adapters of experts are refused by name") {
  ModelConfig config = odd("qwen3_moe");
  config.hidden_size = 32;
  config.experts = {16, 3, 8, false, {true, true}};
  const auto weights = bind_weights(config, filled(config, 9));
  const at::NoGradGuard no_grad;
  const auto x = at::randn({40, 32}), all = mix_experts(config.experts, weights.layers[0].mixture, x);
  for (std::int64_t i = 0; i < x.size(0); ++i) {
    const auto alone = mix_experts(config.experts, weights.layers[0].mixture, x.narrow(0, i, 1));
    CHECK(at::equal(alone, all.narrow(0, i, 1)));
  }
  LoraConfig lora;
  lora.rank = 2;
  CHECK_THROWS_WITH(lora_layout(config, lora), Catch::Contains("gate_proj") && Catch::Contains("qwen3_moe"));
  lora.targets = {"q_proj", "o_proj"};
  CHECK(lora_layout(config, lora).slots.size() == 8);
}

TEST_CASE("sampling, in chunks and token by token, agrees with scoring for odd sizes, biases and windows") {
  for (const auto* family : {"qwen3", "qwen3_moe", "qwen2", "llama", "mistral"}) {
    const auto folder = std::filesystem::temp_directory_path() / ("clawrl_families_" + std::to_string(::getpid()));
    const auto config = odd(family);
    save_weights(folder.string(), config, parameter_views(weight_layout(config), filled(config, 6)));
    CHECK(read_model_config(folder.string()) == config);
    auto policy = make_policy(folder.string());
    std::filesystem::remove_all(folder);
    std::vector<TokenId> ids(90);
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<TokenId>(i * i * 7 % 37);
    const ScoreRequest request{ids, 1, 1.0F, 0, 0, {}, {}};
    const auto scored = policy->score(0, {&request, 1})[0].logprobs;
    Feeder feeder(*policy, 60, 7);
    CachedSequence single, chunked;
    for (std::size_t t = 0; t + 1 < ids.size(); ++t) {
      const auto row = feeder.logits(single, std::span(ids).subspan(t, 1));
      CHECK(logprob(row, ids[t + 1], 1.0) == Approx(scored[t]).margin(1e-4));
    }
    for (const std::size_t end : {3, 20, 61, 62, 80}) {  // short and long chunks, the first within a window
      const auto begin = static_cast<std::size_t>(chunked.length);
      const auto row = feeder.logits(chunked, std::span(ids).subspan(begin, end - begin));
      INFO(family << " chunk to " << end);
      CHECK(logprob(row, ids[end], 1.0) == Approx(scored[end - 1]).margin(1e-4));
    }
  }
}
