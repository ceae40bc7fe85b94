#pragma once
// Decides which tokens of which sequences the next step computes. Counts blocks and tokens, never touches tensors.

#include <cstdint>
#include <deque>
#include <vector>

#include "rollout/block_manager.hpp"
#include "rollout/engine_settings.hpp"
#include "rollout/prefix_cache.hpp"
#include "rollout/sequence.hpp"

namespace clawrl {

/// Tokens [sequence->computed, + count) of one sequence. `sample` = they end at its last token: a new one is drawn.
struct ScheduledChunk {
  Sequence* sequence = nullptr;
  std::int32_t count = 0;
  bool sample = false;
};

/// Continuous batching with chunked prefill:
///   1. every decoding sequence gets its one token, so a long prompt never stops a stream;
///   2. prompts being prefilled share what is left of prefill_budget, oldest first (at least one block's worth);
///   3. waiting requests are admitted in order while batch, budget and blocks suffice.
/// When a decoding sequence finds no block the youngest sequence is preempted: it gives all its blocks back and is
/// computed again later. The oldest one is never preempted, so there is always progress.
/// Sequences are owned by the caller and must stay until remove().
class Scheduler {
 public:
  Scheduler(const EngineSettings& settings, BlockManager& blocks, PrefixCache& prefix);

  /// False when max_waiting requests wait already.
  bool enqueue(Sequence& sequence);
  /// Empty only when there is no sequence at all. One admitted for the first time without a version gets `newest`.
  std::vector<ScheduledChunk> schedule(std::int64_t newest);
  /// After a chunk was computed: advances the sequence and makes its full blocks known to the prefix cache.
  void computed(const ScheduledChunk& chunk);
  /// Takes a sequence out in any state and gives its blocks back.
  void remove(Sequence& sequence);

  std::int32_t waiting() const { return static_cast<std::int32_t>(waiting_.size()); }
  std::int32_t running() const { return static_cast<std::int32_t>(running_.size()); }
  std::int64_t preemptions() const { return preemptions_; }

 private:
  void schedule_decoding(std::vector<ScheduledChunk>& plan);
  void schedule_prefilling(std::vector<ScheduledChunk>& plan, std::int32_t& budget);
  bool admit(Sequence& sequence, std::int64_t newest);
  bool extend(Sequence& sequence);
  void preempt(Sequence& sequence);
  void give_back(Sequence& sequence);
  std::int32_t blocks_for(std::int32_t tokens) const;

  EngineSettings settings_;
  BlockManager& blocks_;
  PrefixCache& prefix_;
  std::deque<Sequence*> waiting_;   // by arrival, so a preempted one is in front of the new ones
  std::vector<Sequence*> running_;  // prefilling and decoding, by arrival
  std::int64_t preemptions_ = 0;
};

}  // namespace clawrl
