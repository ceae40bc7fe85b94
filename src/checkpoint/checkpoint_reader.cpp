#include "checkpoint/checkpoint_reader.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <sstream>

#include "checkpoint/file_io.hpp"
#include "checkpoint/hdf5_file.hpp"
#include "checkpoint/layout.hpp"
#include "checkpoint/manifest.hpp"
#include "checkpoint/shard_check.hpp"
#include "core/checksum.hpp"
#include "core/error.hpp"

namespace clawrl {
namespace {

namespace fs = std::filesystem;

struct Place {
  const ShardInfo* shard;
  const TensorInfo* tensor;
};

std::map<std::string, Place> places_of(const Checkpoint& checkpoint) {
  std::map<std::string, Place> places;
  for (const auto& shard : checkpoint.shards)
    for (const auto& tensor : shard.tensors) places[tensor.name] = {&shard, &tensor};
  return places;
}

std::string describe(DType type, const std::vector<std::int64_t>& shape) {
  std::string text = std::string(name(type)) + " [";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ',';
    text += std::to_string(shape[i]);
  }
  text += ']';
  return text;
}

/// Where a view's contents lie, after its type and shape were found to fit.
Place place_of(const std::map<std::string, Place>& places, const ParameterView& view, const std::string& checkpoint) {
  const auto found = places.find(view.name);
  require(found != places.end(), "checkpoint " + checkpoint + ": has no tensor " + view.name);
  const TensorInfo& tensor = *found->second.tensor;
  require(tensor.type == view.type && tensor.shape == view.shape,
          "checkpoint " + checkpoint + ": tensor " + view.name + " is " + describe(tensor.type, tensor.shape) +
              ", the model wants " + describe(view.type, view.shape));
  expect(view.space == MemorySpace::host, "checkpoint: tensor " + view.name + " is not in host memory");
  return found->second;
}

}  // namespace

std::vector<CheckpointInfo> list_checkpoints(const std::string& root) {
  std::vector<CheckpointInfo> found;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(root, none)) {
    const auto step = layout::step_of(entry.path().filename().string());
    if (!step || !entry.is_directory(none)) continue;
    CheckpointInfo info{entry.path().string(), *step, 0, ""};
    try {
      for (const auto& shard : open_checkpoint(info.path, Verify::sizes).shards) info.bytes += shard.bytes;
    } catch (const UserError& error) {
      info.problem = error.what();
    }
    found.push_back(info);
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.step < b.step; });
  return found;
}

Checkpoint open_checkpoint(const std::string& path, Verify verify) {
  require(fs::is_directory(path), "checkpoint " + path + ": no such folder");
  Checkpoint checkpoint = read_manifest(path);
  for (const auto& shard : checkpoint.shards) check_shard(path, shard, verify);
  return checkpoint;
}

CheckpointSearch find_newest_until(const std::string& root, std::int64_t version) {
  CheckpointSearch search;
  const auto all = list_checkpoints(root);
  for (auto info = all.rbegin(); info != all.rend() && !search.found; ++info) {
    try {
      if (open_checkpoint(info->path, Verify::sizes).state.version.number <= version)
        search.found = open_checkpoint(info->path, Verify::contents);
    } catch (const UserError& error) {
      search.warnings.push_back(error.what());
    }
  }
  return search;
}

std::optional<LoadedCheckpoint> load_newest(const std::string& root, bool strict) {
  CheckpointSearch search = find_newest_until(root, std::numeric_limits<std::int64_t>::max());
  if (strict && !search.warnings.empty()) throw UserError(search.warnings.front());
  if (search.found) return LoadedCheckpoint{std::move(*search.found), std::move(search.warnings)};
  if (search.warnings.empty()) return std::nullopt;
  std::string text = "checkpoints in " + root + ": none is complete and undamaged:";
  for (const auto& warning : search.warnings) text += "\n  " + warning;
  throw UserError(text);
}

void load_tensors(const Checkpoint& checkpoint, std::span<const ParameterView> into) {
  const auto places = places_of(checkpoint);
  std::map<const ShardInfo*, std::vector<std::pair<const TensorInfo*, const ParameterView*>>> reads;
  for (const auto& view : into) {
    const Place place = place_of(places, view, checkpoint.path);
    reads[place.shard].emplace_back(place.tensor, &view);
  }
  for (const auto& [shard, tensors] : reads) {
    const fs::path path = fs::path(checkpoint.path) / shard->file;
    check_shard(checkpoint.path, *shard, Verify::sizes);
    auto file = Hdf5File::open(path.string());
    for (const auto& [tensor, view] : tensors) {
      file.read(*tensor, view->data);
      const auto sum = checksum({static_cast<const std::byte*>(view->data), view->bytes()});
      require(sum == tensor->checksum,
              path.string() + ": tensor " + tensor->name + " is damaged (checksum does not fit)");
    }
  }
}

void load_all_tensors(const Checkpoint& checkpoint, std::span<const ParameterView> into) {
  std::set<std::string> asked;
  for (const auto& view : into) asked.insert(view.name);
  for (const auto& shard : checkpoint.shards)
    for (const auto& tensor : shard.tensors)
      require(asked.contains(tensor.name), "checkpoint " + checkpoint.path + ": holds tensor " + tensor.name +
                                               ", which these settings do not train");
  load_tensors(checkpoint, into);
}

std::string describe_checkpoint(const std::string& path) {
  const Checkpoint checkpoint = open_checkpoint(path, Verify::contents);
  const RunState& state = checkpoint.state;
  std::ostringstream text;
  text << "checkpoint " << path << ": step " << state.step << ", version " << state.version.number << " of line "
       << state.version.line << ", journal watermark " << state.journal_watermark << ", seed " << state.seed << "\n"
       << "written by clawrl " << state.clawrl_version << ", base model " << state.base_model_hash << "\n";
  for (const auto& [key, value] : state.rng) text << "generator " << key << ": " << value.size() << " bytes\n";
  std::uint64_t bytes = 0;
  std::size_t tensors = 0;
  for (const auto& shard : checkpoint.shards) {
    text << shard.file << ": " << shard.bytes << " bytes, xxh3 " << hex(shard.checksum) << "\n";
    for (const auto& tensor : shard.tensors)
      text << "  " << tensor.name << " " << describe(tensor.type, tensor.shape) << " xxh3 " << hex(tensor.checksum)
           << "\n";
    bytes += shard.bytes;
    tensors += shard.tensors.size();
  }
  text << tensors << " tensors in " << checkpoint.shards.size() << " shards, " << bytes
       << " bytes; all checksums verified\n"
       << "configuration:\n"
       << state.configuration << "\n";
  return text.str();
}

}  // namespace clawrl
