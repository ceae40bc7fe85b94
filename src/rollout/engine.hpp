#pragma once
// The sampler of one rank: requests in, tokens out, step by step.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/generation.hpp"
#include "grammar/constraint_compiler.hpp"
#include "kernels/sampling.hpp"
#include "model/policy.hpp"
#include "rollout/block_manager.hpp"
#include "rollout/engine_settings.hpp"
#include "rollout/engine_statistics.hpp"
#include "rollout/prefix_cache.hpp"
#include "rollout/scheduler.hpp"
#include "rollout/sequence.hpp"

namespace clawrl {

/// A step is schedule -> run -> postprocess: the scheduler picks tokens, Policy::step computes them, kernels::sample
/// draws. One thread owns an engine and makes all calls. A KernelRuntime must live; the Policy (not owned) outlives it.
///
/// A sequence runs on one version from its first to its last token: the requested one, or the newest when it is first
/// admitted. One batch may hold many versions. What a request is given depends on its prompt, sampling parameters and
/// version only, not on what else runs (as far as the Policy's arithmetic does not).
class Engine {
 public:
  /// Allocates the Policy's cache. Newest = the highest version that the Policy has published. Throws UserError on
  /// settings out of range, InternalError without a published version or a KernelRuntime. `compiler` (not owned,
  /// outlives the engine) serves requests with a constraint; without it they are refused.
  Engine(Policy& policy, const EngineSettings& settings, ConstraintCompiler* compiler = nullptr);

  /// What cannot be run (too long, bad parameters, unknown or retiring version, queue full) comes back as a delta with
  /// finish = failed and a text. Throws InternalError when the id is in use.
  void submit(GenerateRequest request);
  /// Ends it at the next step, its blocks are free then; unknown or finished ids are ignored.
  void cancel(RequestId id);
  /// One step over all sequences; false = nothing was to be done. Does not throw for what a request or the Policy does
  /// wrong: those requests finish as failed and the others go on.
  bool step();
  /// Everything reported since the last call, at most one delta per request and step, in order. sampling and
  /// cached_tokens are the same on each delta of a request: see append().
  std::vector<CompletionDelta> take_deltas();

  /// From the next step on, sequences admitted without a version take this one. It must be published; takes back a
  /// retire() of it that waits.
  void set_newest(std::int64_t version);
  /// Takes no new requests for it; once no sequence uses it, drops its cached prefixes and discards it in the Policy.
  /// The newest cannot be retired (InternalError).
  void retire(std::int64_t version);
  /// True while a sequence, running or waiting with that pin, needs it.
  bool in_use(std::int64_t version) const;
  std::int64_t newest() const { return newest_; }
  EngineStatistics statistics() const;

 private:
  using Plan = std::vector<ScheduledChunk>;
  void end_cancelled_and_overdue();
  void run(const Plan& plan);
  void postprocess(const Plan& plan, std::vector<kernels::SampledToken>& drawn, const std::vector<std::string>& errors);
  std::vector<std::string> draw(const Plan& plan, std::span<const float> logits,
                                std::vector<kernels::SampledToken>& drawn);
  void accept(Sequence& sequence, kernels::SampledToken token);
  std::string constrain(Sequence& sequence);
  void accept_constrained(Sequence& sequence, TokenId token, TokenMasks& masks);
  FinishReason reason_to_finish(Sequence& sequence) const;
  void finish(Sequence& sequence, CompletionDelta delta);
  void fail(Sequence& sequence, const std::string& error);
  CompletionDelta delta_of(const Sequence& sequence, FinishReason reason) const;
  void refuse(const GenerateRequest& request, const std::string& error);
  void free_retired();
  double now() const;

  Policy& policy_;
  EngineSettings settings_;
  ConstraintCompiler* compiler_;
  std::int64_t vocabulary_;
  std::int32_t context_;
  BlockManager blocks_;
  PrefixCache prefix_;
  Scheduler scheduler_;
  std::map<RequestId, std::unique_ptr<Sequence>> sequences_;
  std::vector<RequestId> cancelled_;
  using Deadline = std::pair<double, RequestId>;
  std::priority_queue<Deadline, std::vector<Deadline>, std::greater<>> deadlines_;  // ids that are gone are skipped
  std::vector<CompletionDelta> deltas_;
  std::int64_t newest_ = 0;
  std::set<std::int64_t> retiring_;
  std::uint64_t arrivals_ = 0;
  EngineStatistics statistics_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace clawrl
