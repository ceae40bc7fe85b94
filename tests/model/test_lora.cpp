// Adapters against PEFT's logits: applied in the forward pass, merged, and published as a version.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include "merged_weights.hpp"
#include "model/peft_folder.hpp"
#include "model/torch/lora.hpp"
#include "model/torch/transformer.hpp"
#include "model_cases.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

constexpr double tolerance = 7e-5;
const LoraConfig lora{.rank = 4, .alpha = 8, .adapter = fixture("lora/adapter")};

struct Adapted {
  std::string folder = fixture("models/qwen3_tied");
  ModelConfig config = read_model_config(folder);
  WeightSet base = bind_weights(config, flat_weights(load_weight_image(folder), at::kCPU));
  at::Tensor flat = load_lora(config, lora);
  std::vector<ModelCase> cases = model_cases(fixture("lora/lora.json"));
  SafetensorsFile tensors{fixture("lora/logits.safetensors")};
};

at::Tensor all_logits(const ModelConfig& config, const WeightSet& weights, const std::vector<TokenId>& ids) {
  const auto length = static_cast<std::int64_t>(ids.size());
  Transformer transformer(config);
  PaddedAttention attention(1, length);
  const auto hidden = transformer.hidden(weights, at::tensor(ids, at::kLong), at::arange(length), attention);
  return transformer.logits(weights, hidden);
}

double worst_gap(const Adapted& a, const ModelCase& c, const at::Tensor& logits, const char* which) {
  const auto expected = reference(a.tensors, c.name + which);
  double gap = 0;
  for (std::size_t i = 0; i < c.logit_positions.size(); ++i) {
    const auto row = logits[c.logit_positions[i]].contiguous();
    const auto width = static_cast<std::size_t>(row.numel());
    gap = std::max(gap, largest_gap(row.const_data_ptr<float>(), expected.data() + i * width, width));
  }
  return gap;
}

}  // namespace

TEST_CASE("an adapter gives PEFT's logits, applied or merged") {
  const Adapted a;
  const at::NoGradGuard no_grad;
  auto applied = a.base;
  applied.lora = bind_lora(a.config, lora, a.flat);
  const auto merged = test::merged(a.config, a.base, applied.lora);
  for (const auto& c : a.cases) {
    CHECK(worst_gap(a, c, all_logits(a.config, a.base, c.ids), ".logits_base_ref64") < tolerance);
    CHECK(worst_gap(a, c, all_logits(a.config, applied, c.ids), ".logits_ref64") < tolerance);
    CHECK(worst_gap(a, c, all_logits(a.config, merged, c.ids), ".logits_ref64") < tolerance);
  }
  CHECK(merged.embed.is_same(a.base.embed));
  CHECK(merged.layers[0].input_norm.is_same(a.base.layers[0].input_norm));
  compared("adapter", a.cases.size());
}

TEST_CASE("a published adapter is base + adapter and leaves the base as it was") {
  const Adapted a;
  auto policy = make_policy(a.folder, "cpu", {lora.rank, lora.alpha});
  const auto shadow = policy->shadow(1);
  const auto source = parameter_views(lora_layout(a.config, lora), a.flat);
  REQUIRE(shadow.size() == source.size());
  for (std::size_t i = 0; i < shadow.size(); ++i) {
    CHECK(shadow[i].name == source[i].name);
    convert(source[i], shadow[i]);
  }
  policy->publish(1);
  Feeder feeder(*policy, 40, 4);
  for (const auto& c : a.cases) {
    CachedSequence with{1, {}, 0}, without{0, {}, 0};
    const Feed feeds[] = {{&with, c.ids, true}, {&without, c.ids, true}};
    const auto rows = feeder.step(feeds);
    const auto width = rows[0].size(), last = (c.logit_positions.size() - 1) * width;
    const auto adapted = reference(a.tensors, c.name + ".logits_ref64");
    const auto plain = reference(a.tensors, c.name + ".logits_base_ref64");
    CHECK(largest_gap(rows[0].data(), adapted.data() + last, width) < tolerance);
    CHECK(largest_gap(rows[1].data(), plain.data() + last, width) < tolerance);
  }
}

TEST_CASE("only the adapter's buffer collects gradients; a fresh adapter changes nothing") {
  const Adapted a;
  auto weights = a.base;
  const auto flat = random_lora(a.config, lora, 5);
  CHECK(at::equal(flat, random_lora(a.config, lora, 5)));
  weights.lora = bind_lora(a.config, lora, flat);
  const auto& ids = a.cases[0].ids;
  {
    const at::NoGradGuard no_grad;
    CHECK(at::equal(all_logits(a.config, weights, ids), all_logits(a.config, a.base, ids)));
  }
  const auto gradient = at::zeros_like(flat);
  track_lora_gradients(a.config, lora, weights.lora, gradient);
  torch::autograd::backward({all_logits(a.config, weights, ids).logsumexp(-1).sum()});
  for (const auto& slot : lora_layout(a.config, lora).slots) {
    const bool is_b = slot.name.ends_with("lora_B.weight");  // A's gradient is 0 while B is 0
    CHECK((slot_tensor(slot, gradient).abs().max().item<float>() > 0) == is_b);
  }
  CHECK(!weights.embed.grad().defined());
}

TEST_CASE("a starting adapter is served as version 0") {
  const Adapted a;
  auto policy = make_policy(a.folder, "cpu", {.adapter = fixture("lora/adapter")});
  CHECK(policy->parameters(0).size() ==
        weight_layout(a.config).slots.size() + lora_layout(a.config, lora).slots.size());
  Feeder feeder(*policy, 40, 4);
  for (const auto& c : a.cases) {
    CachedSequence sequence;
    const auto row = feeder.logits(sequence, c.ids);
    const auto adapted = reference(a.tensors, c.name + ".logits_ref64");
    const auto last = (c.logit_positions.size() - 1) * row.size();
    CHECK(largest_gap(row.data(), adapted.data() + last, row.size()) < tolerance);
  }
}

TEST_CASE("unknown targets and other ranks are refused") {
  const Adapted a;
  CHECK_THROWS_WITH(lora_layout(a.config, {4, 8, {"qkv_proj"}}), Catch::Contains("qkv_proj"));
  auto other = lora;
  other.rank = 8;
  CHECK_THROWS_WITH(load_lora(a.config, other), Catch::Contains("has shape"));
  other = lora;
  other.targets = {"q_proj"};
  CHECK_THROWS_WITH(load_lora(a.config, other), Catch::Contains("none of the targets"));
}
