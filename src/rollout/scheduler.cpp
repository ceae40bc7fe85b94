#include "rollout/scheduler.hpp"

#include <algorithm>

#include "core/error.hpp"

namespace clawrl {

namespace {

bool older(const Sequence* a, const Sequence* b) {
  return a->arrival < b->arrival;
}

}  // namespace

Scheduler::Scheduler(const EngineSettings& settings, BlockManager& blocks, PrefixCache& prefix)
    : settings_(settings), blocks_(blocks), prefix_(prefix) {
  require(settings.max_batch >= 1,
          "max_batch: " + std::to_string(settings.max_batch) + " is not allowed, at least 1 is");
  require(settings.prefill_budget >= 1,
          "prefill_budget: " + std::to_string(settings.prefill_budget) + " is not allowed, at least 1 is");
  require(settings.max_waiting >= 1,
          "max_waiting: " + std::to_string(settings.max_waiting) + " is not allowed, at least 1 is");
}

bool Scheduler::enqueue(Sequence& sequence) {
  if (waiting() >= settings_.max_waiting) return false;
  waiting_.push_back(&sequence);
  return true;
}

std::vector<ScheduledChunk> Scheduler::schedule(std::int64_t newest) {
  std::vector<ScheduledChunk> plan;
  schedule_decoding(plan);
  const auto decoded = static_cast<std::int32_t>(plan.size());
  const std::int32_t least = std::min(settings_.prefill_budget, settings_.block_size);  // prefill must not starve
  std::int32_t budget = std::max(settings_.prefill_budget - decoded, least);
  schedule_prefilling(plan, budget);
  while (budget > 0 && !waiting_.empty() && running() < settings_.max_batch && admit(*waiting_.front(), newest)) {
    Sequence& sequence = *waiting_.front();
    waiting_.pop_front();
    running_.insert(std::upper_bound(running_.begin(), running_.end(), &sequence, older), &sequence);
    const std::int32_t count = std::min(budget, sequence.uncomputed());
    plan.push_back({&sequence, count, count == sequence.uncomputed()});
    budget -= count;
  }
  return plan;
}

void Scheduler::schedule_decoding(std::vector<ScheduledChunk>& plan) {
  for (std::size_t i = 0; i < running_.size(); ++i) {
    Sequence& sequence = *running_[i];
    if (sequence.state != SequenceState::decoding) continue;
    while (i < running_.size() && !extend(sequence)) preempt(*running_.back());  // may be the sequence itself
    if (i < running_.size()) plan.push_back({&sequence, 1, true});
  }
}

void Scheduler::schedule_prefilling(std::vector<ScheduledChunk>& plan, std::int32_t& budget) {
  for (Sequence* sequence : running_) {
    if (sequence->state != SequenceState::prefilling || budget == 0) continue;
    const std::int32_t count = std::min(budget, sequence->uncomputed());
    plan.push_back({sequence, count, count == sequence->uncomputed()});
    budget -= count;
  }
}

/// Takes all blocks that the present tokens need, the cached ones first, or none. A few stay in reserve for the growth
/// of the others, so that a newcomer does not push out a running sequence at once.
bool Scheduler::admit(Sequence& sequence, std::int64_t newest) {
  const std::int64_t version = sequence.version.value_or(newest);
  auto found = settings_.prefix_cache ? prefix_.match(version, sequence.tokens) : PrefixCache::Match{};
  const auto cached = static_cast<std::int32_t>(found.blocks.size());
  const std::int32_t missing = blocks_for(sequence.length()) - cached;
  const std::int32_t reserve = std::min(running(), blocks_.total() / 16);
  if (blocks_.free() + blocks_.idle() < missing + reserve) {
    prefix_.release(found.blocks);
    expect(running() > 0, "scheduler: a lone sequence finds no KV blocks");
    return false;
  }
  prefix_.make_room(missing);
  sequence.version = version;
  sequence.blocks = std::move(found.blocks);
  while (static_cast<std::int32_t>(sequence.blocks.size()) < cached + missing) {
    sequence.blocks.push_back(blocks_.allocate(version).value());
  }
  sequence.computed = cached * blocks_.block_size();
  sequence.registered = cached;
  sequence.prefix = found.prefix;
  if (!sequence.admitted_before) sequence.cached_tokens = sequence.computed;
  sequence.admitted_before = true;
  sequence.state = SequenceState::prefilling;
  return true;
}

/// Makes sure that the next token has a slot.
bool Scheduler::extend(Sequence& sequence) {
  if (blocks_for(sequence.computed + 1) <= static_cast<std::int32_t>(sequence.blocks.size())) return true;
  if (!prefix_.make_room(1)) return false;
  sequence.blocks.push_back(blocks_.allocate(*sequence.version).value());
  return true;
}

void Scheduler::preempt(Sequence& sequence) {
  give_back(sequence);
  sequence.state = SequenceState::waiting;
  running_.erase(std::find(running_.begin(), running_.end(), &sequence));
  waiting_.insert(std::upper_bound(waiting_.begin(), waiting_.end(), &sequence, older), &sequence);
  ++preemptions_;
}

void Scheduler::computed(const ScheduledChunk& chunk) {
  Sequence& sequence = *chunk.sequence;
  sequence.computed += chunk.count;
  if (chunk.sample) sequence.state = SequenceState::decoding;
  if (!settings_.prefix_cache) return;
  const std::int32_t size = blocks_.block_size();
  for (; (sequence.registered + 1) * size <= sequence.computed; ++sequence.registered) {
    const auto tokens = std::span<const TokenId>(sequence.tokens).subspan(sequence.registered * size, size);
    sequence.prefix = prefix_.insert(*sequence.version, sequence.prefix, tokens, sequence.blocks[sequence.registered]);
  }
}

void Scheduler::remove(Sequence& sequence) {
  give_back(sequence);
  sequence.state = SequenceState::finished;
  std::erase(running_, &sequence);
  std::erase(waiting_, &sequence);
}

void Scheduler::give_back(Sequence& sequence) {
  prefix_.release(sequence.blocks);
  sequence.blocks.clear();
  sequence.computed = 0;
  sequence.registered = 0;
  sequence.prefix = 0;
}

std::int32_t Scheduler::blocks_for(std::int32_t tokens) const {
  return (tokens + blocks_.block_size() - 1) / blocks_.block_size();
}

}  // namespace clawrl
