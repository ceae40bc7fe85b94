#pragma once
// Do all ranks hold the same thing?

#include <chrono>
#include <cstdint>
#include <optional>

#include "comm/communicator.hpp"

namespace clawrl {

/// Collective over `communicator`, on the thread that owns MPI, while nothing else is said on it: true on all ranks
/// when those that give a value give the same one. Waits without using the processor; UserError after `limit`.
bool all_agree(const Communicator& communicator, std::optional<std::uint64_t> value,
               std::chrono::seconds limit = std::chrono::hours(1));

}  // namespace clawrl
