#include "samples/sample_builder.hpp"

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "samples/request_type.hpp"

namespace clawrl {
namespace {

// A log-prob is at most 0; what float rounding may add is far below this.
constexpr float kRounding = 1e-4F;

bool whole(const std::vector<float>& logprobs, std::size_t count) {
  return logprobs.size() == count &&
         std::all_of(logprobs.begin(), logprobs.end(), [](float x) { return std::isfinite(x) && x <= kRounding; });
}

bool finished(const Turn& turn) {
  const auto finish = turn.completion.finish;
  return turn.state != TurnState::aborted && turn.state != TurnState::generating &&
         (finish == FinishReason::stop || finish == FinishReason::length);
}

bool finite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
}

/// A method's own arithmetic may overflow.
bool finite(const Advantages& advantages) {
  return finite(advantages.tokens) && finite(advantages.topk_logprobs) && finite(advantages.topk_advantages) &&
         finite(advantages.topk_teacher_logprobs);
}

void scale(Advantages& advantages, double weight) {
  if (weight == 1) return;
  for (float& advantage : advantages.tokens) advantage *= static_cast<float>(weight);
  for (float& advantage : advantages.topk_advantages) advantage *= static_cast<float>(weight);
}

bool all_zero(const Advantages& advantages) {
  const auto zero = [](float a) { return a == 0.0F; };
  return std::all_of(advantages.tokens.begin(), advantages.tokens.end(), zero) &&
         std::all_of(advantages.topk_advantages.begin(), advantages.topk_advantages.end(), zero);
}

std::int64_t oldest_version(const Turn& turn) {
  return *std::min_element(turn.completion.versions.begin(), turn.completion.versions.end());
}

/// [P + R] with the first P entries 0.
std::vector<float> after_prompt(std::size_t prompt, const std::vector<float>& response) {
  std::vector<float> values(prompt, 0.0F);
  values.insert(values.end(), response.begin(), response.end());
  return values;
}

TrainingSample assemble(const Turn& turn, const Verdict& verdict, Advantages advantages) {
  const auto& completion = turn.completion;
  const std::size_t prompt = turn.prompt.size();
  TrainingSample sample;
  sample.id = {turn.id, verdict.revision};
  sample.ids = turn.prompt;
  sample.ids.insert(sample.ids.end(), completion.ids.begin(), completion.ids.end());
  sample.loss_mask.assign(prompt, 0);
  sample.loss_mask.resize(sample.ids.size(), 1);
  sample.sampler_logprobs = after_prompt(prompt, completion.logprobs);
  sample.advantages = after_prompt(prompt, advantages.tokens);
  sample.topk_width = advantages.topk_width;
  sample.topk_ids = std::move(advantages.topk_ids);
  sample.topk_logprobs = std::move(advantages.topk_logprobs);
  sample.topk_advantages = std::move(advantages.topk_advantages);
  sample.topk_teacher_logprobs = std::move(advantages.topk_teacher_logprobs);
  if (!verdict.reference_logprobs.empty()) sample.reference_logprobs = after_prompt(prompt, verdict.reference_logprobs);
  sample.masks = completion.masks;
  sample.temperature = completion.sampling.temperature;
  sample.version = oldest_version(turn);
  sample.origin = verdict.origin == "user" ? "feedback" : "turn";
  return sample;
}

}  // namespace

SampleBuilder::SampleBuilder(const SamplesConfig& settings, bool kl)
    : settings_(settings),
      kl_(kl),
      method_(find_advantage(settings.method)),
      reward_(find_reward(settings.reward)),
      baseline_(settings.baseline_half_life),
      weights_(settings.weighting) {}

std::string SampleBuilder::refusal(const Turn& turn, bool feedback, std::int64_t newest_version) const {
  const auto& completion = turn.completion;
  const std::size_t response = completion.ids.size();
  if (turn.type == TurnType::side) return "side";
  if (!turn.exclusion.empty()) return turn.exclusion;
  if (!finished(turn) || response == 0 || turn.prompt.empty()) return "aborted";
  if (completion.sampling.temperature <= 0) return "greedy";
  if (completion.sampling.truncated()) return "truncated";
  if (completion.sampling.adjusted()) return "penalized";
  if (!whole(completion.logprobs, response)) return "no_logprobs";
  if (completion.versions.size() != response) return "no_version";
  if (!completion.masks.empty() && completion.masks.rows.size() != response) return "no_masks";
  if (turn.prompt.size() + response > static_cast<std::size_t>(settings_.max_tokens)) return "too_long";
  if (newest_version - oldest_version(turn) > max_staleness(settings_, feedback)) return "stale";
  return "";
}

std::optional<double> SampleBuilder::reward(const Turn& turn, const Verdict& verdict) const {
  const auto reward = reward_({turn, verdict, settings_});
  return reward && std::isfinite(*reward) ? reward : std::nullopt;
}

std::string SampleBuilder::baseline_key(const Turn& turn, const std::string& line) const {
  std::string key = request_type(turn) + "/" + line;
  if (settings_.baseline_per_user) key += "/" + influence_key(turn);
  if (settings_.baseline_per_step) key += "/step" + std::to_string(episode_step(turn));
  return key;
}

Advantages SampleBuilder::advantages(const Turn& turn, const Verdict& verdict, const std::string& line,
                                     const std::optional<GroupMoments>& group) {
  const bool silence = verdict.origin == "silence";  // nobody's opinion
  const std::string key = baseline_key(turn, line);
  AdvantageInput input{turn, verdict, settings_};
  const auto reward = reward_({turn, verdict, settings_});
  input.reward = reward.value_or(0.0);
  if (!std::isfinite(*input.reward)) {
    Advantages none;
    none.exclusion = "not_finite";
    return none;
  }
  if (group) {
    input.in_group = reward.has_value();
    input.baseline = group->mean;
    input.deviation = group->divisor;
    return method_(input);
  }
  if (settings_.baseline != "none") {
    input.baseline = baseline_.mean(key);
    if (settings_.baseline_deviation) input.deviation = baseline_.deviation(key);
  }
  if (reward && !silence) baseline_.add(key, *reward);
  return method_(input);
}

BuiltSample SampleBuilder::build(const Turn& turn, const Verdict& verdict, std::int64_t newest_version,
                                 const std::string& line, const std::optional<GroupMoments>& group) {
  expect(turn.id == verdict.turn,
         "verdict of turn " + std::to_string(verdict.turn.value) + " used for turn " + std::to_string(turn.id.value));
  const std::string reason = refusal(turn, verdict.origin == "user", newest_version);
  if (!reason.empty()) return {{}, reason};
  if (!verdict.error.empty()) return {{}, "judge_failed"};
  if (kl_ && !whole(verdict.reference_logprobs, turn.completion.ids.size())) return {{}, "no_reference"};
  Advantages values = advantages(turn, verdict, line, group);
  if (!values.exclusion.empty()) return {{}, values.exclusion};
  const std::size_t cells = turn.completion.ids.size() * static_cast<std::size_t>(values.topk_width);
  expect(values.tokens.size() == turn.completion.ids.size() && values.topk_ids.size() == cells &&
             values.topk_logprobs.size() == cells && values.topk_advantages.size() == cells &&
             (values.topk_teacher_logprobs.empty() || values.topk_teacher_logprobs.size() == cells),
         "advantage '" + settings_.method + "' returned arrays of the wrong length");
  if (!finite(values)) return {{}, "not_finite"};
  FeedbackWeight weight = weights_.weigh(turn, verdict, !all_zero(values));
  scale(values, weight.value);
  return {assemble(turn, verdict, std::move(values)), weight.reason, std::move(weight.withdrawn)};
}

}  // namespace clawrl
