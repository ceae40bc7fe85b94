#pragma once
// What a shard's own checksum covers, and the check of a shard's file. Internal to checkpoint/.

#include <filesystem>

#include "checkpoint/checkpoint_reader.hpp"
#include "checkpoint/run_state.hpp"

namespace clawrl {

/// XXH3-64 of the file without the tensors' contents: HDF5's structures.
std::uint64_t structure_checksum(const std::filesystem::path& file, const std::vector<TensorInfo>& tensors);

/// UserError naming the file, and the tensor where one is damaged.
void check_shard(const std::filesystem::path& folder, const ShardInfo& shard, Verify verify);

}  // namespace clawrl
