#include "model/weight_layout.hpp"

namespace clawrl {

namespace {

std::vector<Projection> attention_projections(const ModelConfig& c) {
  const auto q = c.num_heads * c.head_dim, kv = c.num_kv_heads * c.head_dim;
  return {{"self_attn", "q_proj", q, c.hidden_size},
          {"self_attn", "k_proj", kv, c.hidden_size},
          {"self_attn", "v_proj", kv, c.hidden_size},
          {"self_attn", "o_proj", c.hidden_size, q}};
}

void add_mlp(std::vector<Projection>& all, const std::string& block, std::int64_t intermediate, std::int64_t hidden) {
  all.push_back({block, "gate_proj", intermediate, hidden});
  all.push_back({block, "up_proj", intermediate, hidden});
  all.push_back({block, "down_proj", hidden, intermediate});
}

}  // namespace

std::vector<Projection> projections(const ModelConfig& c) {
  auto all = attention_projections(c);
  if (c.experts.count == 0) add_mlp(all, "mlp", c.intermediate_size, c.hidden_size);
  return all;
}

std::vector<Projection> layer_projections(const ModelConfig& c, std::int64_t layer) {
  auto all = attention_projections(c);
  if (!c.experts.in(layer)) {
    add_mlp(all, "mlp", c.intermediate_size, c.hidden_size);
    return all;
  }
  all.push_back({"mlp", "gate", c.experts.count, c.hidden_size});
  for (std::int64_t e = 0; e < c.experts.count; ++e)
    add_mlp(all, "mlp.experts." + std::to_string(e), c.experts.intermediate_size, c.hidden_size);
  return all;
}

std::string layer_prefix(std::int64_t layer) {
  return "model.layers." + std::to_string(layer) + ".";
}

namespace {

bool has_bias(const ModelConfig& config, const Projection& p) {
  if (p.block != "self_attn") return config.mlp_bias;
  return p.name == "o_proj" ? config.o_bias : config.qkv_bias;
}

// q, k and v lie behind each other without a gap, and so do gate and up: each group is one product.
bool joins(const Projection& p) {
  return p.name == "k_proj" || p.name == "v_proj" || p.name == "up_proj";
}

}  // namespace

ParameterLayout weight_layout(const ModelConfig& config) {
  ParameterLayout layout;
  const auto hidden = config.hidden_size;
  layout.add("model.embed_tokens.weight", {config.vocab_size, hidden});
  if (!config.tied_embeddings) layout.add("lm_head.weight", {config.vocab_size, hidden});
  for (std::int64_t i = 0; i < config.num_layers; ++i)
    for (const auto& p : layer_projections(config, i))
      layout.add(layer_prefix(i) + p.block + "." + p.name + ".weight", {p.out, p.in}, joins(p));
  for (std::int64_t i = 0; i < config.num_layers; ++i) {
    layout.add(layer_prefix(i) + "input_layernorm.weight", {hidden});
    for (const auto& p : layer_projections(config, i))
      if (has_bias(config, p)) layout.add(layer_prefix(i) + p.block + "." + p.name + ".bias", {p.out}, joins(p));
    if (config.qk_norm) layout.add(layer_prefix(i) + "self_attn.q_norm.weight", {config.head_dim});
    if (config.qk_norm) layout.add(layer_prefix(i) + "self_attn.k_norm.weight", {config.head_dim});
    layout.add(layer_prefix(i) + "post_attention_layernorm.weight", {hidden});
  }
  layout.add("model.norm.weight", {hidden});
  return layout;
}

}  // namespace clawrl
