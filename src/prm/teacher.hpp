#pragma once
// The teacher: the policy model reading the same sampled tokens with a hint in the context.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/turn.hpp"
#include "core/verdict.hpp"
#include "prm/fault_parser.hpp"
#include "prm/judge_backend.hpp"
#include "prompt/chat_template.hpp"
#include "prompt/tokenizer.hpp"

namespace clawrl {

struct TeacherSettings {
  bool base = false;                     // score with version 0 of the policy instead of its newest
  bool reference = false;                // also the base's log-probs without a hint, for a KL term
  std::string hint_choice = "sequence";  // see choose_hint()
  std::string subset = "student";        // teacher: also the sampler's log-probs at the teacher's top-k ids
  std::int64_t vocabulary = 0;           // of the policy; ids from there on must not come back; 0 = not checked
  /// Version of the policy that teaches a turn, of those that are there; empty = the highest.
  std::function<std::int64_t(const Turn&)> newest = {};
  std::int32_t max_tokens = 1024;  // longer turns are not scored: they are excluded(too_long) anyway
};

/// Used by one thread. Log-probs are taken at the turn's own sampling temperature; J = K = the recorded top-k width.
class Teacher {
 public:
  /// `other`: the model that scores with the hint instead of the policy; it has the policy's vocabulary, see
  /// check_teacher_folder(). `policy` then only gives references and the sampler's log-probs.
  Teacher(TeacherScorer policy, Tokenizer policy_tokenizer, ChatTemplate policy_template, TeacherSettings settings,
          std::optional<TeacherScorer> other = {});

  /// Scores the turn under each of verdict.hints, chooses one and fills chosen_hint, teacher, hint_agreement (with
  /// `earlier_hints` of the same user, where the sampler's top-k is on record) and reference_logprobs. A
  /// turn that can never be trained (greedy, truncated, too long, no log-probs) is left as it is; hints whose context
  /// is beyond the teacher's positions are counted (hints_too_long) and never chosen. Throws UserError when a needed
  /// version is not there.
  void score(const Turn& turn, Verdict& verdict, const std::vector<std::string>& earlier_hints = {}) const;

  /// Where the turn's reply says `quote`, in its own tokens.
  std::optional<TokenSpan> locate_in(const Turn& turn, const std::string& quote) const {
    return locate(tokenizer_, turn.completion.ids, quote);
  }

 private:
  bool worth_scoring(const Turn& turn) const;
  std::int64_t version(const Turn& turn) const;
  const TeacherScorer& teaching() const { return other_ ? *other_ : scorer_; }
  ScoreResult score_one(std::int64_t version, ScoreRequest request) const;
  void score_hints(const Turn& turn, Verdict& verdict) const;
  std::vector<ScoreResult> plain_and_hinted(const Turn& turn, const std::vector<std::string>& hints) const;
  std::optional<float> agreement_of(const Turn& turn, const Verdict& verdict,
                                    const std::vector<std::string>& earlier_hints) const;
  void add_sampler_logprobs(const Turn& turn, TeacherScores& scores) const;

  TeacherScorer scorer_;
  Tokenizer tokenizer_;
  ChatTemplate template_;
  TeacherSettings settings_;
  std::optional<TeacherScorer> other_;
};

/// The prompt of the turn with the hint in it, rendered as the turn's own prompt was.
std::vector<TokenId> hinted_prompt(const Tokenizer& tokenizer, const ChatTemplate& chat_template, const Turn& turn,
                                   const std::string& hint);

}  // namespace clawrl
