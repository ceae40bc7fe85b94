#pragma once
// What the trainer learns from. Advantages are already on it: the trainer does not know the method.

#include <cstdint>
#include <string>
#include <vector>

#include "core/ids.hpp"
#include "core/token_mask.hpp"

namespace clawrl {

/// T = all tokens, R = response tokens (the last R of T), K = top-k width (0 when the method has no top-k term).
/// Entry t of the [T] arrays belongs to token t (which was predicted from the tokens before it); prompt entries are 0.
/// Example: prompt of 3, response of 2: ids [5,6,7,8,9], loss_mask [0,0,0,1,1], advantages [0,0,0,-1,-1].
struct TrainingSample {
  SampleId id;
  std::vector<TokenId> ids;             // [T]
  std::vector<std::uint8_t> loss_mask;  // [T] 1 = trained
  std::vector<float> sampler_logprobs;  // [T] natural log at `temperature`
  std::vector<float> advantages;        // [T]
  std::int32_t topk_width = 0;          // K
  std::vector<TokenId> topk_ids;        // [R,K]
  std::vector<float> topk_logprobs;     // [R,K] sampler's
  std::vector<float> topk_advantages;   // [R,K]; 0 where an id is outside the subset
  /// [R,K] or empty: the teacher's. With it the term is the token's divergence from the teacher instead of a surrogate,
  /// and topk_advantages holds its weight (equal in a row, 0 outside the subset).
  std::vector<float> topk_teacher_logprobs;
  TokenMasks masks;                       // of a constrained reply
  std::vector<float> reference_logprobs;  // [T] or empty: KL reference
  float temperature = 1.0F;
  std::int64_t version = 0;   // oldest policy version among its tokens
  std::string origin;         // "turn", "feedback" (explicit), "replay", "sft", "task"
  std::string line = "main";  // policy line that learns from it; a step has one, so it is not sent with every sample
  std::int32_t response_length() const {
    std::int32_t count = 0;
    for (auto m : loss_mask) count += m;
    return count;
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(id, ids, loss_mask, sampler_logprobs, advantages, topk_width, topk_ids, topk_logprobs, topk_advantages,
            topk_teacher_logprobs, masks, reference_logprobs, temperature, version, origin);
  }
};

}  // namespace clawrl
