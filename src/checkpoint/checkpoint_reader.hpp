#pragma once
// Finding, checking and reading checkpoints. Any number of ranks may read, whatever the number of shards.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/run_state.hpp"
#include "core/parameter_view.hpp"

namespace clawrl {

struct Checkpoint {
  std::string path;  // .../step_00000012
  RunState state;
  std::vector<ShardInfo> shards;
};

/// One step_* folder. `problem` is empty when the manifest is whole and every shard is there with its size; contents
/// are not read.
struct CheckpointInfo {
  std::string path;
  std::int64_t step = 0;
  std::uint64_t bytes = 0;
  std::string problem;
};

enum class Verify { sizes, contents };  // contents: also the checksum of every file, which reads all of it

/// Ascending by step; a root that is not there has none. Temporaries are left out.
std::vector<CheckpointInfo> list_checkpoints(const std::string& root);

/// UserError naming the file when the checkpoint is incomplete or damaged.
Checkpoint open_checkpoint(const std::string& path, Verify verify = Verify::contents);

struct LoadedCheckpoint {
  Checkpoint checkpoint;
  std::vector<std::string> warnings;  // newer ones that were passed over, each with file and reason
};

/// The newest complete and undamaged one (contents verified); nullopt when there is none at all. Strict: a damaged
/// newest one is a UserError. When all are damaged it is a UserError that names each.
/// With many ranks, call it on one and open_checkpoint(path, Verify::sizes) on the others.
std::optional<LoadedCheckpoint> load_newest(const std::string& root, bool strict = false);

struct CheckpointSearch {
  std::optional<Checkpoint> found;
  std::vector<std::string> warnings;  // those that were passed over for damage, each with file and reason
};

/// The newest undamaged one whose version is not above this (contents verified).
CheckpointSearch find_newest_until(const std::string& root, std::int64_t version);

/// Fills each view from the tensor of its name; the checksum of every tensor read is checked. UserError naming the
/// tensor when it is absent or its type or shape differ, and the file when it is damaged.
void load_tensors(const Checkpoint& checkpoint, std::span<const ParameterView> into);

/// The same, and UserError naming a tensor of the checkpoint that no view asks for: nothing trained may be dropped.
void load_all_tensors(const Checkpoint& checkpoint, std::span<const ParameterView> into);

/// Lines for a terminal: run state, shards, tensors with shapes and checksums, everything verified.
std::string describe_checkpoint(const std::string& path);

}  // namespace clawrl
