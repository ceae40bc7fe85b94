#include "model/model_family.hpp"

#include "core/error.hpp"

namespace clawrl {
namespace {

constexpr ModelFamily families[] = {
    {"qwen3", "Qwen3ForCausalLM", true, false, true, false, WindowRule::by_layer, 32, 128, 32768},
    {"qwen2", "Qwen2ForCausalLM", false, true, false, false, WindowRule::by_layer, 32, 0, 32768},
    {"llama", "LlamaForCausalLM", false, false, true, true, WindowRule::none, 0, 0, 2048},
    {"mistral", "MistralForCausalLM", false, false, false, false, WindowRule::every_layer, 8, 0, 131072},
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

}  // namespace clawrl
