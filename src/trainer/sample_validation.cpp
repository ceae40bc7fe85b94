#include "trainer/sample_validation.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>

#include "core/error.hpp"

namespace clawrl {
namespace {

std::string label(const TrainingSample& sample) {
  return "training sample of turn " + std::to_string(sample.id.turn.value) + ": ";
}

void require_size(const TrainingSample& sample, const char* field, std::size_t size, std::size_t expected) {
  require(size == expected, label(sample) + field + " has " + std::to_string(size) + " entries, " +
                                std::to_string(expected) + " are needed");
}

void require_finite(const TrainingSample& sample, const char* field, const std::vector<float>& values, bool masked) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i]) || (masked && !sample.loss_mask[i])) continue;
    throw UserError(label(sample) + field + " is not finite at " + std::to_string(i));
  }
}

void require_tokens(const TrainingSample& sample, const char* field, const std::vector<TokenId>& ids,
                    std::int64_t vocabulary) {
  for (const auto id : ids) {
    if (id >= 0 && id < vocabulary) continue;
    throw UserError(label(sample) + field + " holds " + std::to_string(id) + ", which is no token of the model");
  }
}

void validate_sampler(const TrainingSample& sample, std::int64_t vocabulary) {
  const std::size_t tokens = sample.ids.size();
  require_size(sample, "sampler_logprobs", sample.sampler_logprobs.size(), tokens);
  require_size(sample, "advantages", sample.advantages.size(), tokens);
  require_finite(sample, "sampler_logprobs", sample.sampler_logprobs, true);
  require_finite(sample, "advantages", sample.advantages, true);
  const std::size_t taught = sample.topk_teacher_logprobs.size();
  if (sample.topk_width == 0) return require_size(sample, "topk_teacher_logprobs", taught, 0);
  const auto width = static_cast<std::size_t>(sample.topk_width);
  const std::size_t entries = sample.topk_ids.size();
  const std::string name = label(sample);
  require(entries % width == 0 && entries / width <= tokens, name + "topk_ids has " + std::to_string(entries) +
                                                                 " entries, no multiple of " + std::to_string(width) +
                                                                 " or more than the tokens allow");
  require_size(sample, "topk_logprobs", sample.topk_logprobs.size(), entries);
  require_size(sample, "topk_advantages", sample.topk_advantages.size(), entries);
  require_finite(sample, "topk_logprobs", sample.topk_logprobs, false);
  require_finite(sample, "topk_advantages", sample.topk_advantages, false);
  require_tokens(sample, "topk_ids", sample.topk_ids, vocabulary);
  if (taught == 0) return;
  require_size(sample, "topk_teacher_logprobs", taught, entries);
  require_finite(sample, "topk_teacher_logprobs", sample.topk_teacher_logprobs, false);
}

bool contains(const IdRuns& runs, TokenId id) {
  return (std::upper_bound(runs.begin(), runs.end(), id) - runs.begin()) % 2 == 1;  // after a begin, before its end
}

void validate_masks(const TrainingSample& sample, std::int64_t vocabulary) {
  const auto& masks = sample.masks;
  if (masks.empty()) return;
  const std::string name = label(sample);
  require(masks.rows.size() < sample.ids.size(), name + "masks has more rows than tokens that are predicted");
  for (const auto& runs : masks.sets) {
    const bool ascending = std::adjacent_find(runs.begin(), runs.end(), std::greater_equal<>()) == runs.end();
    require(!runs.empty() && runs.size() % 2 == 0 && ascending && runs.front() >= 0 && runs.back() <= vocabulary,
            name + "masks holds a set that is no list of ascending runs of the model's tokens");
  }
  const std::size_t begin = sample.ids.size() - masks.rows.size();
  for (std::size_t r = 0; r < masks.rows.size(); ++r) {
    const auto set = masks.rows[r];
    require(set >= -1 && set < static_cast<std::int64_t>(masks.sets.size()),
            name + "masks names a set that is not there");
    require(set < 0 || contains(masks.sets[static_cast<std::size_t>(set)], sample.ids[begin + r]),
            name + "the mask of token " + std::to_string(begin + r) + " does not allow the token itself");
  }
}

}  // namespace

void validate(const TrainingSample& sample, std::int64_t vocabulary, bool uses_sampler, bool needs_reference) {
  const std::size_t tokens = sample.ids.size();
  const std::string name = label(sample);
  require_size(sample, "loss_mask", sample.loss_mask.size(), tokens);
  require(tokens == 0 || !sample.loss_mask[0], name + "loss_mask[0] is set, but nothing predicts the first token");
  require(sample.temperature > 0, name + "temperature must be above 0");
  require_tokens(sample, "ids", sample.ids, vocabulary);
  validate_masks(sample, vocabulary);
  if (needs_reference || !sample.reference_logprobs.empty()) {
    require_size(sample, "reference_logprobs", sample.reference_logprobs.size(), tokens);
    require_finite(sample, "reference_logprobs", sample.reference_logprobs, true);
  }
  if (uses_sampler) validate_sampler(sample, vocabulary);
}

}  // namespace clawrl
