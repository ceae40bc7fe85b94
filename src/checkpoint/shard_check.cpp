#include "checkpoint/shard_check.hpp"

#include <algorithm>

#include "checkpoint/file_io.hpp"
#include "core/error.hpp"

namespace clawrl {
namespace {

using file_io::Extent;

/// The parts of [0, size) that no tensor's contents lie in.
std::vector<Extent> gaps(std::uint64_t size, const std::vector<TensorInfo>& tensors) {
  std::vector<Extent> contents;
  for (const auto& tensor : tensors)
    if (tensor.bytes > 0) contents.push_back({tensor.offset, tensor.bytes});
  std::sort(contents.begin(), contents.end(), [](auto a, auto b) { return a.offset < b.offset; });
  std::vector<Extent> between;
  std::uint64_t at = 0;
  for (const auto [offset, bytes] : contents) {
    if (offset > at) between.push_back({at, offset - at});
    at = offset + bytes;
  }
  if (size > at) between.push_back({at, size - at});
  return between;
}

}  // namespace

std::uint64_t structure_checksum(const std::filesystem::path& path, const std::vector<TensorInfo>& tensors) {
  const file_io::Input file(path);
  return file.checksum(gaps(file.size(), tensors));
}

void check_shard(const std::filesystem::path& folder, const ShardInfo& shard, Verify verify) {
  const auto path = folder / shard.file;
  require(std::filesystem::is_regular_file(path), path.string() + ": is missing, so the checkpoint is incomplete");
  const file_io::Input file(path);
  const auto bytes = file.size();
  require(bytes == shard.bytes, path.string() + ": is damaged (" + std::to_string(bytes) + " bytes instead of " +
                                    std::to_string(shard.bytes) + ")");
  if (verify == Verify::sizes) return;
  require(file.checksum(gaps(bytes, shard.tensors)) == shard.checksum,
          path.string() + ": is damaged (checksum of its structure does not fit)");
  for (const auto& tensor : shard.tensors) {
    const Extent contents{tensor.offset, tensor.bytes};
    require(file.checksum(std::span(&contents, 1)) == tensor.checksum,
            path.string() + ": tensor " + tensor.name + " is damaged (checksum does not fit)");
  }
}

}  // namespace clawrl
