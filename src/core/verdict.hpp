#pragma once
// What a judge says of one turn, with the teacher's view of the sampled tokens.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/ids.hpp"

namespace clawrl {

/// The teacher's log-probs of the sampled tokens, the hint added to the context. R = response tokens.
/// K = the sampler's recorded top-k, J = the teacher's own top-k.
struct TeacherScores {
  std::vector<float> logprobs;          // [R] natural log, at the sampling temperature
  std::vector<float> student_logprobs;  // [R,K] teacher's log-probs at the sampler's top-k ids
  std::vector<TokenId> topk_ids;        // [R,J] teacher's most likely ids
  std::vector<float> topk_logprobs;     // [R,J]
  std::vector<float> sampler_logprobs;  // [R,J] of the turn's own version at topk_ids; empty unless subset = teacher
  std::int64_t version = 0;             // policy version of the teacher; -1 = a fixed base model
  template <class Archive>
  void serialize(Archive& archive) {
    archive(logprobs, student_logprobs, topk_ids, topk_logprobs, sampler_logprobs, version);
  }
};

/// What is known of a verdict beforehand, from explicit feedback or of the conversation; the judge finds the rest.
struct GivenVerdict {
  std::string task;                        // what the reply answers; empty = the newest user message as it stands
  std::optional<std::int8_t> vote;         // then no votes are asked for
  std::vector<std::string> hints;          // stand before the judge's own
  std::int8_t severity = 0;                // as in Verdict
  std::string fault;                       // what the reply says where it went wrong, a quote; empty = not known
  bool ask_hints = true;                   // false: the judge is asked for none
  std::vector<std::string> earlier_hints;  // of the same user, for Verdict::hint_agreement
  std::string origin = "prm";              // of the verdict
  template <class Archive>
  void serialize(Archive& archive) {
    archive(task, vote, hints, severity, fault, ask_hints, earlier_hints, origin);
  }
};

/// Below these a hint and praise oppose an earlier hint (prm/hint_agreement). Of the demo policy's hints opposites are
/// at -0.4 to -1 and others seldom below -0.15. Praise opposes a hint under which the teacher is nine times less likely
/// to say what was praised.
inline constexpr float opposed_hint = -0.25F, opposed_praise = -0.8F;

/// Example: turn 12 revision 0, votes {-1, -1, none}, score -1, hints {"Do not use bold text."}, chosen 0.
struct Verdict {
  TurnId turn;
  std::int32_t revision = 0;
  std::vector<std::optional<std::int8_t>> votes;  // +1, 0, -1; nullopt = invalid
  std::int8_t score = 0;                          // majority of the valid votes, tie = 0
  std::int8_t severity = 0;                       // of an error: 1 slight .. 3 grave; 0 = nobody graded it
  std::int32_t fault_begin = -1, fault_end = -1;  // response tokens [begin, end) where it went wrong; -1 = not known
  std::vector<std::string> hints;                 // candidates, in order
  std::int32_t chosen_hint = -1;                  // index into hints; -1 = no hint
  TeacherScores teacher;                          // for the chosen hint; empty without one
  std::vector<float> reference_logprobs;          // [R] of the base policy, no hint; empty unless a KL term is on
  std::int32_t hints_too_long = 0;                // candidates that did not fit into the teacher's context
  std::string origin = "prm";                     // prm, user, silence, rule, environment
  std::string error;                              // set when judging failed: the turn is excluded(judge_failed)
  /// How the chosen hint, or praise without one, agrees with the earlier hint of its user that it agrees with least,
  /// -1..1 (prm/hint_agreement); nullopt = nothing to compare. Goes beside the archive and is a column of the journal,
  /// so that older journals go on.
  std::optional<float> hint_agreement;
  bool opposes() const {
    return hint_agreement && *hint_agreement < (chosen_hint >= 0 ? opposed_hint : opposed_praise);
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(turn, revision, votes, score, severity, fault_begin, fault_end, hints, chosen_hint, teacher,
            reference_logprobs, hints_too_long, origin, error);
  }
};

}  // namespace clawrl
