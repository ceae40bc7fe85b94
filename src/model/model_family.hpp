#pragma once
// What tells the supported families apart, as data: one row per model_type.

#include <cstdint>
#include <string>

namespace clawrl {

/// Which layers look at a sliding window. `switched`: every layer, with use_sliding_window; `by_layer`: the same with
/// max_window_layers or layer_types.
enum class WindowRule : std::uint8_t { none, every_layer, switched, by_layer };

struct ModelFamily {
  const char* model_type;
  const char* architecture;    // class name in transformers
  bool qk_norm, qkv_bias;      // of every model of the family
  bool attention_bias_option;  // attention_bias in config.json is obeyed: q, k, v and o
  bool mlp_bias_option;        // mlp_bias too: gate, up, down
  WindowRule windows;
  bool experts;
  std::int64_t default_kv_heads, default_head_dim, default_positions;  // config.json is silent; 0 = from the others
};

/// Throws UserError naming the model_type and the allowed ones.
const ModelFamily& family_of(const std::string& model_type);

}  // namespace clawrl
