#include "model/torch/lora.hpp"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "model/peft_folder.hpp"
#include "model/torch/weight_set.hpp"

namespace clawrl {
namespace {

std::string lora_name(std::int64_t layer, const Projection& p, const char* which) {
  return "base_model.model." + layer_prefix(layer) + p.block + "." + p.name + ".lora_" + which + ".weight";
}

bool is_target(const LoraConfig& lora, const std::string& name) {
  return std::find(lora.targets.begin(), lora.targets.end(), name) != lora.targets.end();
}

LoraPair* pair_of(LoraLayer& layer, const std::string& projection) {
  if (projection == "q_proj") return &layer.q;
  if (projection == "k_proj") return &layer.k;
  if (projection == "v_proj") return &layer.v;
  if (projection == "o_proj") return &layer.o;
  if (projection == "gate_proj") return &layer.gate;
  if (projection == "up_proj") return &layer.up;
  if (projection == "down_proj") return &layer.down;
  throw InternalError("no projection named " + projection);
}

void check_target(const ModelConfig& config, const std::vector<Projection>& all, const std::string& target) {
  std::string allowed;
  for (const auto& p : all) {
    if (p.name == target) return;
    allowed += (allowed.empty() ? "" : ", ") + p.name;
  }
  throw UserError("LoRA target '" + target + "' is unknown for model_type " + config.architecture +
                  "; allowed: " + allowed);
}

}  // namespace

ParameterLayout lora_layout(const ModelConfig& config, const LoraConfig& lora) {
  require(lora.rank > 0, "LoRA rank must be at least 1");
  const auto all = projections(config);
  for (const auto& target : lora.targets) check_target(config, all, target);
  ParameterLayout layout;
  for (std::int64_t i = 0; i < config.num_layers; ++i) {
    for (const auto& p : all) {
      if (!is_target(lora, p.name)) continue;
      layout.add(lora_name(i, p, "A"), {lora.rank, p.in});
      layout.add(lora_name(i, p, "B"), {p.out, lora.rank});
    }
  }
  return layout;
}

LoraWeights bind_lora(const ModelConfig& config, const LoraConfig& lora, const at::Tensor& flat) {
  const auto layout = lora_layout(config, lora);
  expect(flat.numel() == layout.size, "flat buffer does not fit the adapter's parameter layout");
  LoraWeights weights;
  weights.scaling = lora.scaling();
  weights.layers.resize(static_cast<std::size_t>(config.num_layers));
  const auto all = projections(config);
  auto slot = layout.slots.begin();  // in the layout's order: A and B of each target, layer by layer
  for (auto& layer : weights.layers) {
    for (const auto& p : all) {
      if (!is_target(lora, p.name)) continue;
      *pair_of(layer, p.name) = {slot_tensor(slot[0], flat), slot_tensor(slot[1], flat)};
      slot += 2;
    }
  }
  return weights;
}

at::Tensor random_lora(const ModelConfig& config, const LoraConfig& lora, std::uint64_t seed) {
  const auto layout = lora_layout(config, lora);
  auto flat = at::zeros({layout.size}, at::kFloat);
  auto generator = at::detail::createCPUGenerator(seed);
  for (const auto& slot : layout.slots) {
    if (!slot.name.ends_with("lora_A.weight")) continue;
    const double bound = 1.0 / std::sqrt(static_cast<double>(slot.shape[1]));
    slot_tensor(slot, flat).uniform_(-bound, bound, generator);
  }
  return flat;
}

at::Tensor load_lora(const ModelConfig& config, const LoraConfig& lora) {
  const auto layout = lora_layout(config, lora);
  auto flat = at::zeros({layout.size}, at::kFloat);
  read_peft_weights(lora.adapter, parameter_views(layout, flat));
  return flat;
}

void track_lora_gradients(const ModelConfig& config, const LoraConfig& config_lora, LoraWeights& lora,
                          const at::Tensor& flat_grad) {
  auto gradients = bind_lora(config, config_lora, flat_grad);
  for (std::size_t i = 0; i < lora.layers.size(); ++i) {
    for (const auto& p : projections(config)) {
      auto* parameter = pair_of(lora.layers[i], p.name);
      auto* gradient = pair_of(gradients.layers[i], p.name);
      if (!parameter->a.defined()) continue;
      parameter->a.set_requires_grad(true);
      parameter->b.set_requires_grad(true);
      parameter->a.mutable_grad() = gradient->a;
      parameter->b.mutable_grad() = gradient->b;
    }
  }
}

}  // namespace clawrl
