#include "model/model_family.hpp"

#include "core/error.hpp"
#include "model/model_config.hpp"

namespace clawrl {
namespace {

constexpr ModelFamily families[] = {
    {"qwen3", "Qwen3ForCausalLM", true, false, true, false, WindowRule::by_layer, false, 32, 128, 32768},
    {"qwen3_moe", "Qwen3MoeForCausalLM", true, false, true, false, WindowRule::switched, true, 4, 0, 32768},
    {"qwen2", "Qwen2ForCausalLM", false, true, false, false, WindowRule::by_layer, false, 32, 0, 32768},
    {"llama", "LlamaForCausalLM", false, false, true, true, WindowRule::none, false, 0, 0, 2048},
    {"mistral", "MistralForCausalLM", false, false, false, false, WindowRule::every_layer, false, 8, 0, 131072},
};

}  // namespace

const ModelFamily& family_of(const std::string& model_type) {
  std::string allowed;
  for (const auto& family : families) {
    if (family.model_type == model_type) return family;
    allowed += (allowed.empty() ? "" : ", ") + std::string(family.model_type);
  }
  throw UserError("model_type '" + model_type + "' is not supported; allowed: " + allowed);
}

void set_family(ModelConfig& config, const std::string& model_type) {
  const auto& family = family_of(model_type);
  config.architecture = model_type;
  config.qk_norm = family.qk_norm;
  config.qkv_bias = family.qkv_bias;
}

}  // namespace clawrl
