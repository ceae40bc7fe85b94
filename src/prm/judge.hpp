#pragma once
// Turns in, verdicts out.
//
//   submit(turn) -> m votes + h hints in the judge's engine -> majority, hints -> teacher scores -> verdict
//
// Many turns are in flight at once: the engine batches their votes and hints; all hints of a turn are scored together.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "config/run_config.hpp"
#include "core/turn.hpp"
#include "core/verdict.hpp"
#include "prm/judge_backend.hpp"
#include "prm/judge_prompt.hpp"
#include "prm/teacher.hpp"
#include "prm/vote_parser.hpp"
#include "prompt/chat_template.hpp"
#include "prompt/tokenizer.hpp"

namespace clawrl {

struct JudgeSettings {
  PrmConfig prm;
  TeacherSettings teacher;
  bool wants_hints = true;  // the method has an OPD term
  JudgePromptStyle style;
  std::uint64_t seed = 1;
  std::vector<TokenId> stop_tokens;  // of the judge model
  std::int32_t capacity = 256;       // turns in flight
};

/// From the resolved configuration; stop_tokens are the judge model's eos_tokens.
JudgeSettings judge_settings(const RunConfig& config, const std::vector<TokenId>& stop_tokens);

/// The question for one vote, as ids of the judge model. `now_s`: the turn's time, for a template that writes the date.
/// UserError when the template refuses.
std::vector<TokenId> vote_question(const JudgedTurn& turn, const JudgeSettings& settings, const Tokenizer& tokenizer,
                                   const ChatTemplate& chat_template, double now_s);

/// Does the run need the policy's version 0 on the PRM ranks (never retired there)?
bool needs_base_version(const RunConfig& config);

/// Do the PRM ranks get every version: as teacher, as evaluator, or for the sampler's log-probs at the teacher's ids?
bool prms_follow_policy(const RunConfig& config);

/// prm.teacher when it names a model folder, else empty.
std::string teacher_folder(const PrmConfig& prm);

/// One thread owns it. A turn's verdict depends on the turn, its revision, the seed and the teacher's version only.
/// What goes wrong with one turn is in that verdict's `error`; nothing is thrown for it. Waits are bounded by
/// prm.timeout_s per request, which the engine keeps.
class Judge {
 public:
  Judge(JudgeSampler sampler, Tokenizer judge_tokenizer, ChatTemplate judge_template, Teacher teacher,
        JudgeSettings settings);

  /// At the capacity do not submit; what waits is the caller's to keep.
  bool full() const { return cases_.size() >= static_cast<std::size_t>(settings_.capacity); }
  std::size_t in_flight() const { return cases_.size(); }
  /// Throws InternalError when full or when this revision of the turn is in flight.
  void submit(Turn turn, std::int32_t revision, GivenVerdict given = {});

  /// One engine step, then the scores of a bounded number of turns whose votes and hints are in. False = idle.
  bool advance();
  /// Finished since the last call, in the order of finishing.
  std::vector<Verdict> take_verdicts() { return std::exchange(finished_, {}); }

 private:
  struct Question {
    SampleId of;
    bool vote = true;
    std::size_t index = 0;  // among the votes or hints of the turn
    Completion answer;
  };
  struct Case {
    Turn turn;
    GivenVerdict given;
    std::vector<Vote> votes;
    std::vector<bool> voted;          // answered, not cancelled
    std::vector<std::int8_t> grades;  // of the error, by vote; 0 = none
    std::vector<std::string> faults;  // quotes of the reply, by vote; empty = none
    std::vector<std::string> hints;   // by index, empty = none
    std::string error;                // the newest failed answer's
    int open = 0, failed = 0;         // questions
  };

  void ask_all(SampleId id, Case& one);
  void ask(SampleId id, bool vote, std::size_t index, const std::vector<TokenId>& prompt);
  void take_answers();
  void record(const Question& question, Case& one);
  void cancel_decided(SampleId id, const Case& one);
  void score_ready();
  Verdict verdict_of(SampleId id, const Case& one) const;
  void blame(const Case& one, Verdict& verdict) const;

  JudgeSampler sampler_;
  Tokenizer tokenizer_;
  ChatTemplate template_;
  Teacher teacher_;
  JudgeSettings settings_;
  std::uint64_t next_request_ = 1;
  std::map<RequestId, Question> questions_;
  std::map<SampleId, Case> cases_;
  std::vector<SampleId> ready_;  // all questions answered, in that order
  std::vector<Verdict> finished_;
};

}  // namespace clawrl
