#pragma once
// Writing a checkpoint: a folder that is complete or absent.
//
//   every trainer rank:  shard = write_shard(root, step, rank, count, what it owns)   -> root/.tmp-step_00000012/
//   gather to rank 0:    commit_checkpoint(root, state, shards)                       -> root/step_00000012/
//   or, on an error of any rank:  abandon_checkpoint(root, step)
//
// `root` must be one folder that all ranks see. Nothing here is collective: the caller gathers and checks that every
// rank succeeded before rank 0 commits. All of it may run on a thread of its own, beside the work, as long as the views
// stay valid and unchanged.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/run_state.hpp"
#include "core/parameter_view.hpp"

namespace clawrl {

/// Indices into `views` that each of `ranks` owns: balanced in bytes (largest first to the least loaded rank), the same
/// on every rank for the same names and shapes in any order.
std::vector<std::vector<std::size_t>> partition_by_bytes(std::span<const ParameterView> views, int ranks);
/// The views of one rank under that rule.
std::vector<ParameterView> owned_views(std::span<const ParameterView> views, int ranks, int rank);

/// Writes and fsyncs one shard. Views are in host memory; their names are unique over all shards, without '/'.
/// UserError with path and reason (disk full, folder not writable); the shard's file is removed then.
ShardInfo write_shard(const std::string& root, std::int64_t step, int rank, int count,
                      std::span<const ParameterView> views);

/// Writes the manifest, fsyncs files and folders and renames. Returns the checkpoint's folder. A checkpoint of the same
/// step that is there already is replaced. On UserError the temporary folder is gone and nothing new looks whole.
std::string commit_checkpoint(const std::string& root, const RunState& state, const std::vector<ShardInfo>& shards);

/// Removes what write_shard() left of a step that is not committed. Never throws.
void abandon_checkpoint(const std::string& root, std::int64_t step) noexcept;

/// Removes temporaries of runs that died while writing. Call before the first write, while no other run uses `root`.
/// Returns the names removed.
std::vector<std::string> remove_leftovers(const std::string& root);

/// Keeps the newest `keep_last` (>= 1) complete checkpoints and, if keep_every > 0, those whose step is a multiple of
/// it; damaged ones older than the newest complete one go too. With `good_version` the newest of a version up to that
/// and the one of step 0 stay, too. Returns the steps removed.
std::vector<std::int64_t> prune(const std::string& root, int keep_last, std::int64_t keep_every,
                                std::optional<std::int64_t> good_version = std::nullopt);

/// Removes the checkpoints of steps above `after` and below `before`. Returns the steps removed.
std::vector<std::int64_t> remove_between(const std::string& root, std::int64_t after, std::int64_t before);

}  // namespace clawrl
