#pragma once
// What goes into the engine and what comes out of it.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/ids.hpp"
#include "core/token_mask.hpp"

namespace clawrl {

struct SamplingParameters {
  float temperature = 1.0F;  // 0 = greedy
  float top_p = 1.0F;        // 1 = off
  std::int32_t top_k = 0;    // 0 = off
  std::uint64_t seed = 0;    // the same seed, prompt and version give the same tokens
  // Changes of the logits before all else, in this order. See kernels/penalties.hpp.
  float repetition_penalty = 1.0F;                         // of tokens in the prompt or the response; 1 = off
  float presence_penalty = 0;                              // taken from tokens in the response
  float frequency_penalty = 0;                             // the same, times how often
  std::vector<std::pair<TokenId, float>> logit_bias = {};  // added; each id once
  bool operator==(const SamplingParameters&) const = default;
  /// Truncated sampling cannot be trained on without the kept set: see Turn::exclusion.
  bool truncated() const { return top_p < 1.0F || top_k > 0; }
  bool counts_tokens() const { return repetition_penalty != 1 || presence_penalty != 0 || frequency_penalty != 0; }
  /// Not the model's own distribution, so not to be trained on either.
  bool adjusted() const { return counts_tokens() || !logit_bias.empty(); }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(temperature, top_p, top_k, seed, repetition_penalty, presence_penalty, frequency_penalty, logit_bias);
  }
};

struct StopConditions {
  std::int32_t max_tokens = 256;       // response tokens, the stop token included
  std::vector<TokenId> stop_tokens;    // generation ends after one of these; it belongs to the completion
  std::vector<std::string> stop_text;  // checked where text is made (the head), which then cancels with `stop`
  template <class Archive>
  void serialize(Archive& archive) {
    archive(max_tokens, stop_tokens, stop_text);
  }
};

/// What the text of a reply is held to while it is sampled, by a token mask. The texts are what a client sent.
struct Constraint {
  enum class Kind : std::uint8_t { none, json_object, json_schema, tool_call };
  Kind kind = Kind::none;
  std::string schema;  // json_schema: the schema as JSON text; tool_call: the tools as a JSON array
  std::string tool;    // tool_call: the only function allowed; empty = any of them
  bool operator==(const Constraint&) const = default;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(kind, schema, tool);
  }
};

/// Example: {id 7, prompt [151644, 872, ...], temperature 1, max_tokens 256, version nullopt} = "answer on the newest".
struct GenerateRequest {
  RequestId id;
  std::vector<TokenId> prompt;  // [P], P >= 1
  SamplingParameters sampling;
  StopConditions stop;
  std::optional<std::int64_t> version;  // pinned policy version number; nullopt = newest when admitted
  std::int32_t record_top_k = 0;        // also return the sampler's K most likely ids per token
  bool record_at_t1 = false;            // their log-probs at temperature 1, for a client to see; not trainable
  double deadline_s = 0;                // seconds after submission when it is failed as `deadline`; 0 = none
  Constraint constraint;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(id, prompt, sampling, stop, version, record_top_k, record_at_t1, deadline_s, constraint);
  }
};

enum class FinishReason : std::uint8_t { none, stop, length, cancelled, deadline, failed };

inline const char* name(FinishReason reason) {
  static const char* const names[] = {"none", "stop", "length", "cancelled", "deadline", "failed"};
  return names[static_cast<int>(reason)];
}

/// What was really sampled. R = response tokens, K = record_top_k.
struct Completion {
  std::vector<TokenId> ids;          // [R], the stop token included
  std::vector<float> logprobs;       // [R] natural log, of the distribution sampled from (temperature, truncation)
  std::vector<float> logprobs_t1;    // [R] natural log at temperature 1, nothing cut
  std::vector<TokenId> topk_ids;     // [R,K] most likely first, of the temperature-scaled distribution; empty if K = 0
  std::vector<float> topk_logprobs;  // [R,K]
  std::vector<std::int64_t> versions;  // [R] policy version number that computed the token
  TokenMasks masks;                    // of a constrained reply
  SamplingParameters sampling;
  FinishReason finish = FinishReason::none;
  std::int32_t cached_tokens = 0;  // prompt tokens that the prefix cache served
  std::string error;               // set when finish = failed
  template <class Archive>
  void serialize(Archive& archive) {
    archive(ids, logprobs, logprobs_t1, topk_ids, topk_logprobs, versions, masks, sampling, finish, cached_tokens,
            error);
  }
};

/// Some more tokens of one request: what the engine reports after a step and what travels to the head.
struct CompletionDelta {
  RequestId id;
  Completion part;  // only the new tokens; `finish` other than none on the last one
  template <class Archive>
  void serialize(Archive& archive) {
    archive(id, part);
  }
};

}  // namespace clawrl
