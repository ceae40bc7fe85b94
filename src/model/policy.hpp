#pragma once
// The model as the engine sees it: no torch here. One object per rank; used by one thread at a time unless said
// otherwise.

#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/ids.hpp"
#include "core/parameter_view.hpp"
#include "core/token_mask.hpp"
#include "model/model_config.hpp"

namespace clawrl {

class WeightImage;

/// The new tokens of one sequence in one step: a prefill chunk or a single decoded token.
struct SequenceStep {
  std::int64_t version = 0;              // weight set that computes it; must be loaded
  std::span<const TokenId> tokens;       // [N], N >= 1
  std::int32_t first_position = 0;       // tokens[0]'s position = tokens of this sequence that are in the cache already
  std::span<const std::int32_t> blocks;  // block table: position p lives in blocks[p / block_size], slot p % block_size
  bool want_logits = false;              // logits of the last token are wanted
};

/// One sequence to be scored without a cache. R = ids.size() - response_begin.
struct ScoreRequest {
  std::vector<TokenId> ids;         // [T]
  std::int32_t response_begin = 1;  // >= 1; log-probs are returned for ids[response_begin..]
  float temperature = 1.0F;
  std::int32_t top_k = 0;           // J: also return the J most likely ids
  std::int32_t gather_width = 0;    // K
  std::vector<TokenId> gather_ids;  // [R,K]: also return the log-probs of these
  TokenMasks masks;                 // [R] rows or empty: softmax over the allowed ids; a forbidden id has log-prob -inf
};

struct ScoreResult {
  std::vector<float> logprobs;       // [R] natural log
  std::vector<TokenId> topk_ids;     // [R,J]
  std::vector<float> topk_logprobs;  // [R,J]
  std::vector<float> gathered;       // [R,K]
};

class Policy {
 public:
  virtual ~Policy() = default;
  virtual const ModelConfig& config() const = 0;

  /// Reserves the paged KV cache: num_blocks blocks of block_size tokens, for all layers. Once, before step().
  virtual void allocate_cache(std::int32_t num_blocks, std::int32_t block_size) = 0;

  /// Computes all new tokens, writes their K and V, and returns the wanted logits [W,V] (rows in the order of the
  /// sequences with want_logits) in a buffer that stays valid until the next call. Versions may be mixed.
  virtual std::span<const float> step(std::span<const SequenceStep> sequences) = 0;

  /// Full forward without cache on one version.
  virtual std::vector<ScoreResult> score(std::int64_t version, std::span<const ScoreRequest> sequences) = 0;

  // -- versions. A weight set is filled as a shadow first and visible to step() and score() after publish().

  /// Memory to be filled by another thread while step() goes on: one view per parameter. Full training: all parameters;
  /// LoRA training: the adapter's (published sets are base + adapter). Valid until publish() or discard() of that
  /// number.
  virtual std::vector<ParameterView> shadow(std::int64_t version) = 0;
  virtual void publish(std::int64_t version) = 0;
  virtual void discard(std::int64_t version) = 0;  // frees a published set or a shadow; unknown numbers are ignored
  virtual std::vector<std::int64_t> versions() const = 0;  // published ones, ascending

  /// What was published, for read-only use; valid until discard(). With LoRA: the adapter's parameters; version 0 has
  /// the base's in front, so that ranks that loaded the same model see the same.
  virtual std::vector<ParameterView> parameters(std::int64_t version) = 0;
};

/// W' = W + scaling() B A on the target projections of every layer.
struct LoraConfig {
  std::int32_t rank = 0;  // 0 = full weights, or what the adapter folder says
  float alpha = 16;
  std::vector<std::string> targets = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"};
  std::string adapter = {};  // PEFT folder to start from, gives all other fields; empty = a fresh adapter, B = 0
  bool rslora = false;       // alpha over the root of the rank
  double dropout = 0;        // in training; anything but 0 is refused there
  double scaling() const { return alpha / (rslora ? std::sqrt(static_cast<double>(rank)) : rank); }
  /// Two of this shape, rank > 0, as one with the same scale.
  LoraConfig stacked() const {
    LoraConfig two = *this;
    two.rank *= 2;
    two.rslora = false;
    two.alpha = static_cast<float>(scaling() * two.rank);
    return two;
  }
};

/// Loads a Hugging Face folder (with lora.adapter, if given) as version 0. `device`: "cpu" or "cuda:N". Throws
/// UserError naming what is wrong.
std::unique_ptr<Policy> make_policy(const std::string& folder, const std::string& device = "cpu",
                                    const LoraConfig& lora = {});

/// The same from weights that are in memory and may be others' too; the policy keeps them. Published full sets have the
/// image's matrix type.
std::unique_ptr<Policy> make_policy(std::shared_ptr<const WeightImage> image, const std::string& device = "cpu",
                                    const LoraConfig& lora = {});

/// Writes a Hugging Face folder with fresh random weights (f32): where training from nothing starts.
void write_random_model(const ModelConfig& config, std::uint64_t seed, const std::string& folder);

}  // namespace clawrl
