#pragma once
// Turn + verdict -> training sample, or the reason why not.

#include <optional>
#include <string>
#include <vector>

#include "core/training_sample.hpp"
#include "samples/advantage.hpp"
#include "samples/baseline.hpp"
#include "samples/feedback_weight.hpp"
#include "samples/group_advantage.hpp"
#include "samples/reward.hpp"

namespace clawrl {

/// Reasons: side, aborted, judge_failed, truncated, greedy, no_logprobs, no_version, no_masks, no_teacher_logprobs,
/// no_topk_logprobs, no_reference, not_finite, too_long, stale, zero_advantage, user_cap, day_cap, discounted,
/// unsteady, poses_as_judge, or the turn's own exclusion.
struct BuiltSample {
  std::optional<TrainingSample> sample;  // also with zero_advantage and those after it: on record, takes no slot
  std::string exclusion;                 // empty = to be trained on
  std::vector<TurnId> withdrawn = {};    // with unsteady: earlier turns whose samples are not to be used again
};

/// Not thread-safe. Keeps the running baseline, which takes in every verdict with a valid vote in the order of the
/// calls (not those of groups), and what users have said and moved so far: build in journal order and the numbers come
/// again.
class SampleBuilder {
 public:
  /// `kl` = a KL term is on, so a reference is needed. Throws UserError for an unknown method or reward.
  explicit SampleBuilder(const SamplesConfig& settings, bool kl = false);

  /// Why no verdict can make a sample of this turn; empty = one can. `feedback`: a verdict given by the user.
  std::string refusal(const Turn& turn, bool feedback, std::int64_t newest_version) const;

  /// newest_version: of the policy line, for staleness. `group`: of the rewards of its group, where it is of one.
  BuiltSample build(const Turn& turn, const Verdict& verdict, std::int64_t newest_version,
                    const std::string& line = "main", const std::optional<GroupMoments>& group = {});

  /// What samples.reward says; nothing = no opinion, or none that is finite.
  std::optional<double> reward(const Turn& turn, const Verdict& verdict) const;
  RunningBaseline& baseline() { return baseline_; }
  FeedbackWeights& weights() { return weights_; }

 private:
  Advantages advantages(const Turn& turn, const Verdict& verdict, const std::string& line,
                        const std::optional<GroupMoments>& group);
  std::string baseline_key(const Turn& turn, const std::string& line) const;

  SamplesConfig settings_;
  bool kl_;
  AdvantageFunction method_;
  RewardFunction reward_;
  RunningBaseline baseline_;
  FeedbackWeights weights_;
};

}  // namespace clawrl
