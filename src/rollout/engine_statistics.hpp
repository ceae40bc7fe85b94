#pragma once
// What an engine has done and holds right now.

#include <cstdint>

namespace clawrl {

struct EngineStatistics {
  std::int64_t steps = 0;          // calls of Policy::step
  std::int64_t prompt_tokens = 0;  // computed in prefill, computed again after a preemption included
  std::int64_t cached_tokens = 0;  // served by the prefix cache at admission
  std::int64_t sampled_tokens = 0;
  std::int64_t preemptions = 0;
  std::int64_t evictions = 0;  // KV blocks
  std::int64_t finished = 0;   // stop and length
  std::int64_t cancelled = 0;
  std::int64_t overdue = 0;  // deadline
  std::int64_t failed = 0;   // refused ones included
  std::int32_t waiting = 0;  // sequences
  std::int32_t running = 0;
  std::int32_t free_blocks = 0;
  std::int32_t idle_blocks = 0;  // cached, referenced by nobody
  std::int32_t used_blocks = 0;
  std::int32_t context = 0;  // tokens that one sequence can have here
};

}  // namespace clawrl
