#include "checkpoint/checkpoint_writer.hpp"

#include <chrono>
#include <set>

#include "checkpoint/file_io.hpp"
#include "checkpoint/hdf5_file.hpp"
#include "checkpoint/layout.hpp"
#include "checkpoint/manifest.hpp"
#include "checkpoint/shard_check.hpp"
#include "core/error.hpp"

namespace clawrl {
namespace {

namespace fs = std::filesystem;

// HDF5's own structures: generous per tensor (groups, headers, attributes) plus a start.
constexpr std::uint64_t overhead_start = 65536, overhead_tensor = 4096;

std::span<const std::byte> bytes_of(const ParameterView& view) {
  return {static_cast<const std::byte*>(view.data), view.bytes()};
}

/// Structure first, through HDF5; then the contents by plain writes at the offsets that HDF5 gave, so that a full disk
/// is an ordinary error with a reason and never meets HDF5 in the middle of closing a file.
std::vector<TensorInfo> write_tensors(const fs::path& path, std::span<const ParameterView> views) {
  std::vector<TensorInfo> tensors;
  auto structure = Hdf5File::create(path.string());
  for (const auto& view : views) {
    expect(view.space == MemorySpace::host, "checkpoint: tensor " + view.name + " is not in host memory");
    tensors.push_back({view.name, view.type, view.shape, 0, view.bytes(), 0});
    tensors.back().offset = structure.declare(tensors.back());
  }
  structure.close();
  file_io::Output file(path, file_io::Output::Mode::existing);
  for (std::size_t i = 0; i < views.size(); ++i)
    tensors[i].checksum = file.write(bytes_of(views[i]), tensors[i].offset);
  file.sync();
  return tensors;
}

void check_shards(const fs::path& folder, const std::vector<ShardInfo>& shards) {
  expect(!shards.empty(), "checkpoint: commit without shards");
  std::set<int> ranks;
  std::set<std::string> names;
  for (const auto& shard : shards) {
    expect(static_cast<std::size_t>(shard.count) == shards.size() && ranks.insert(shard.rank).second,
           "checkpoint: commit of " + std::to_string(shards.size()) + " shards with " + shard.file);
    for (const auto& tensor : shard.tensors)
      expect(names.insert(tensor.name).second, "checkpoint: two shards hold tensor " + tensor.name);
    std::error_code error;
    const auto bytes = fs::file_size(folder / shard.file, error);
    require(!error && bytes == shard.bytes,
            (folder / shard.file).string() + ": is not what its rank wrote; the folder must be one that all ranks see");
  }
}

/// What an earlier, broken attempt at the same step may have left.
void remove_strangers(const fs::path& folder, const std::vector<ShardInfo>& shards) {
  std::set<std::string> known;
  for (const auto& shard : shards) known.insert(shard.file);
  std::vector<fs::path> strangers;
  for (const auto& entry : fs::directory_iterator(folder))
    if (!known.contains(entry.path().filename().string())) strangers.push_back(entry.path());
  for (const auto& stranger : strangers) fs::remove_all(stranger);
}

double unix_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

ShardInfo write_shard(const std::string& root, std::int64_t step, int rank, int count,
                      std::span<const ParameterView> views) {
  expect(rank >= 0 && rank < count && step >= 0, "checkpoint: shard " + std::to_string(rank) + " of " +
                                                     std::to_string(count) + ", step " + std::to_string(step));
  const fs::path folder = layout::temporary_folder(root, step);
  file_io::make_folders(folder);
  ShardInfo shard;
  shard.file = layout::shard_file(rank, count);
  shard.rank = rank;
  shard.count = count;
  try {
    std::uint64_t bytes = overhead_start + overhead_tensor * views.size();
    for (const auto& view : views) bytes += view.bytes();
    file_io::require_space(folder, bytes);
    shard.tensors = write_tensors(folder / shard.file, views);
    shard.bytes = file_io::Input(folder / shard.file).size();
    shard.checksum = structure_checksum(folder / shard.file, shard.tensors);
  } catch (...) {
    std::error_code ignored;
    fs::remove(folder / shard.file, ignored);
    fs::remove(folder, ignored);  // goes only when no other rank has anything in it
    throw;
  }
  return shard;
}

std::string commit_checkpoint(const std::string& root, const RunState& state, const std::vector<ShardInfo>& shards) {
  const fs::path temporary = layout::temporary_folder(root, state.step);
  const fs::path target = layout::final_folder(root, state.step);
  try {
    check_shards(temporary, shards);
    remove_strangers(temporary, shards);
    RunState dated = state;
    if (dated.created_s == 0) dated.created_s = unix_seconds();
    write_manifest(temporary, dated, shards);
    file_io::sync_folder(temporary);
    file_io::replace_folder(temporary, target);
    file_io::sync_folder(root);
  } catch (const fs::filesystem_error& error) {
    abandon_checkpoint(root, state.step);
    throw UserError("checkpoint " + target.string() + ": " + error.what());
  } catch (...) {
    abandon_checkpoint(root, state.step);
    throw;
  }
  return target.string();
}

void abandon_checkpoint(const std::string& root, std::int64_t step) noexcept {
  std::error_code ignored;
  fs::remove_all(layout::temporary_folder(root, step), ignored);
}

}  // namespace clawrl
