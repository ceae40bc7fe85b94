#pragma once
// One request while the engine works on it.

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/generation.hpp"
#include "grammar/constraint_compiler.hpp"
#include "kernels/penalties.hpp"

namespace clawrl {

//   waiting -> prefilling -> decoding -> finished
//      ^           |            |
//      +--- preempted: blocks given back, tokens and version kept, computed again later
//   finished is reached from every state (cancel, deadline, failure).
enum class SequenceState : std::uint8_t { waiting, prefilling, decoding, finished };

struct Sequence {
  GenerateRequest request;
  std::uint64_t arrival = 0;  // order of submission; the older one keeps its blocks

  SequenceState state = SequenceState::waiting;
  std::optional<std::int64_t> version;  // pinned at the first admission, or as the request says
  std::vector<TokenId> tokens;          // prompt, then what was sampled
  std::int32_t computed = 0;            // leading tokens whose K and V are in the blocks
  std::vector<std::int32_t> blocks;     // block table; token t lives in blocks[t / block_size]

  std::int32_t cached_tokens = 0;  // prompt tokens that the prefix cache served at the first admission
  bool admitted_before = false;
  std::uint64_t prefix = 0;     // prefix-cache name of the registered blocks so far
  std::int32_t registered = 0;  // leading blocks that the prefix cache knows

  kernels::TokenCounts counts;  // for penalties

  std::optional<ConstraintMatcher> matcher;          // of a constrained reply; stands behind the sampled tokens
  std::shared_ptr<const IdRuns> allowed;             // mask of the token that is sampled next
  std::vector<std::shared_ptr<const IdRuns>> masks;  // distinct ones so far, in order of first use

  std::int32_t prompt_length() const { return static_cast<std::int32_t>(request.prompt.size()); }
  std::int32_t length() const { return static_cast<std::int32_t>(tokens.size()); }
  std::int32_t response_length() const { return length() - prompt_length(); }
  std::int32_t uncomputed() const { return length() - computed; }
};

}  // namespace clawrl
