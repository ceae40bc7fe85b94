#pragma once
// Stands where the engine stands: takes the head's Generate messages and samples what a script says.

#include <chrono>
#include <map>
#include <optional>
#include <vector>

#include "clients/script.hpp"
#include "core/generation.hpp"
#include "grammar/constraint_compiler.hpp"
#include "prompt/tokenizer.hpp"

namespace clawrl::test {

/// The scripted text goes through the policy's tokenizer, one token a step, each with log-probs of a made-up
/// distribution and version 0, and a stop token at the end. Constraints are the real ones: a reply that breaks its
/// request's constraint fails. One thread.
class ScriptedSampler {
 public:
  using Clock = std::chrono::steady_clock;

  ScriptedSampler(Script script, Tokenizer tokenizer, ConstraintCompiler compiler);

  void submit(const GenerateRequest& request);
  void cancel(RequestId id) { sequences_.erase(id); }
  /// One token of every sequence that is due.
  std::vector<CompletionDelta> step();
  /// When the next token is due; nothing when nobody waits for one.
  std::optional<Clock::time_point> next_due() const;

 private:
  struct Sequence {
    ScriptRule rule;
    GenerateRequest request;
    std::vector<TokenId> ids;
    std::size_t next = 0, sampled = 0;  // place in ids; tokens given out
    std::optional<ConstraintMatcher> matcher;
    std::vector<IdRuns> masks;  // sent already
    Clock::time_point due;
    std::string error;  // refused from the start
  };
  CompletionDelta advance(Sequence& sequence);
  void sample(Sequence& sequence, Completion& part);
  void hold_to_constraint(Sequence& sequence, TokenId token, Completion& part);
  std::vector<TokenId> ids_of(const ScriptRule& rule, std::string_view prompt, const GenerateRequest& request) const;

  Script script_;
  Tokenizer tokenizer_;
  ConstraintCompiler compiler_;
  std::map<RequestId, Sequence> sequences_;
};

}  // namespace clawrl::test
