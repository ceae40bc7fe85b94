#pragma once
// Sizes of one engine.

#include <cstdint>

namespace clawrl {

struct EngineSettings {
  std::int32_t block_size = 16;       // tokens per KV block
  std::int32_t num_blocks = 2048;     // KV blocks of this rank, all versions together
  std::int32_t max_batch = 64;        // sequences that hold blocks at the same time
  std::int32_t prefill_budget = 256;  // tokens per step: decode tokens first, prompt chunks with what is left
  std::int32_t max_context = 32768;   // prompt + response of one sequence
  std::int32_t max_waiting = 4096;    // requests that wait for admission; more are failed at once
  bool prefix_cache = true;           // false: every prompt is computed in full (to measure what the cache brings)
};

}  // namespace clawrl
