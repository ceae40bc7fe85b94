#pragma once
// manifest.h5: what makes a folder a checkpoint. The first 512 bytes are an HDF5 user block with the size and checksum
// of the rest, so that a damaged manifest is known before HDF5 reads it. Internal to checkpoint/.

#include <filesystem>
#include <vector>

#include "checkpoint/checkpoint_reader.hpp"
#include "checkpoint/run_state.hpp"

namespace clawrl {

inline constexpr int checkpoint_format = 1;

/// Writes and fsyncs folder/manifest.h5.
void write_manifest(const std::filesystem::path& folder, const RunState& state, const std::vector<ShardInfo>& shards);
/// UserError naming the file when it is absent, damaged, foreign, or of another format.
Checkpoint read_manifest(const std::filesystem::path& folder);

}  // namespace clawrl
