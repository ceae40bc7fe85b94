#include "checkpoint/manifest.hpp"

#include <cstring>
#include <sstream>

#include "checkpoint/file_io.hpp"
#include "checkpoint/hdf5_file.hpp"
#include "checkpoint/layout.hpp"
#include "core/checksum.hpp"
#include "core/error.hpp"

namespace clawrl {
namespace {

constexpr std::size_t user_block = 512;
const std::string magic = "clawrl checkpoint manifest";

/// Tables are lines of blank-separated fields; names have no blanks (dataset_path() sees to it).
std::string shard_table(const std::vector<ShardInfo>& shards) {
  std::ostringstream text;
  for (const auto& shard : shards)
    text << shard.file << ' ' << shard.rank << ' ' << shard.count << ' ' << shard.bytes << ' ' << hex(shard.checksum)
         << ' ' << shard.tensors.size() << '\n';
  return text.str();
}

std::string tensor_table(const std::vector<ShardInfo>& shards) {
  std::ostringstream text;
  for (const auto& shard : shards)
    for (const auto& tensor : shard.tensors) {
      text << tensor.name << ' ' << name(tensor.type) << ' ' << hex(tensor.checksum) << ' ' << tensor.offset << ' '
           << tensor.bytes << ' ' << tensor.shape.size();
      for (const auto extent : tensor.shape) text << ' ' << extent;
      text << '\n';
    }
  return text.str();
}

DType type_of(const std::string& text, const std::string& file) {
  for (const auto type : {DType::f32, DType::bf16, DType::f16, DType::i64, DType::f64, DType::i32, DType::u8})
    if (text == name(type)) return type;
  throw UserError(file + ": unknown tensor type " + text);
}

TensorInfo read_tensor(std::istream& text, const std::string& file) {
  TensorInfo tensor;
  std::string type;
  std::size_t extents = 0;
  text >> tensor.name >> type >> std::hex >> tensor.checksum >> std::dec >> tensor.offset >> tensor.bytes >> extents;
  require(!text.fail() && extents <= 32, file + ": its table of tensors is damaged");
  tensor.type = type_of(type, file);
  tensor.shape.resize(extents);
  for (auto& extent : tensor.shape) text >> extent;
  require(!text.fail(), file + ": its table of tensors is damaged");
  return tensor;
}

std::vector<ShardInfo> read_tables(const std::string& shard_text, const std::string& tensor_text,
                                   const std::string& file) {
  std::istringstream shard_lines(shard_text), tensor_lines(tensor_text);
  std::vector<ShardInfo> shards;
  ShardInfo shard;
  std::size_t tensors = 0;
  while (shard_lines >> shard.file >> shard.rank >> shard.count >> shard.bytes >> std::hex >> shard.checksum >>
         std::dec >> tensors) {
    shard.tensors.clear();
    for (std::size_t i = 0; i < tensors; ++i) shard.tensors.push_back(read_tensor(tensor_lines, file));
    shards.push_back(shard);
  }
  return shards;
}

void write_state(Hdf5File& file, const RunState& state) {
  file.write_text("format", std::to_string(checkpoint_format));
  file.write_text("step", std::to_string(state.step));
  file.write_text("version_line", state.version.line);
  file.write_text("version_number", std::to_string(state.version.number));
  file.write_text("base_id", state.version.base_id);
  file.write_text("adapter_id", state.version.adapter_id);
  file.write_text("journal_watermark", std::to_string(state.journal_watermark));
  file.write_text("seed", std::to_string(state.seed));
  file.write_text("configuration", state.configuration);
  file.write_text("base_model_hash", state.base_model_hash);
  file.write_text("clawrl_version", state.clawrl_version);
  std::ostringstream created;
  created.precision(17);
  created << state.created_s;
  file.write_text("created", created.str());
  std::string names;
  int index = 0;
  for (const auto& [key, text] : state.rng) {
    require(key.find('\n') == std::string::npos, "checkpoint: generator name with a line break");
    names += key + "\n";
    file.write_text("rng_" + std::to_string(index++), text);
  }
  file.write_text("rng_names", names);
}

RunState read_state(Hdf5File& file) {
  RunState state;
  state.step = std::stoll(file.read_text("step"));
  state.version = {file.read_text("version_line"), std::stoll(file.read_text("version_number")),
                   file.read_text("base_id"), file.read_text("adapter_id")};
  state.journal_watermark = std::stoll(file.read_text("journal_watermark"));
  state.seed = std::stoull(file.read_text("seed"));
  state.configuration = file.read_text("configuration");
  state.base_model_hash = file.read_text("base_model_hash");
  state.clawrl_version = file.read_text("clawrl_version");
  state.created_s = std::stod(file.read_text("created"));
  std::istringstream names(file.read_text("rng_names"));
  int index = 0;
  for (std::string key; std::getline(names, key);) state.rng[key] = file.read_text("rng_" + std::to_string(index++));
  return state;
}

std::string seal(std::size_t bytes, std::uint64_t checksum) {
  return magic + ", " + std::to_string(bytes) + " bytes follow block of 512, xxh3 " + hex(checksum) + "\n";
}

void require_whole(const std::filesystem::path& path) {
  const auto bytes = file_io::Input(path).read_all();
  const std::string text(reinterpret_cast<const char*>(bytes.data()), std::min(bytes.size(), magic.size()));
  require(bytes.size() > user_block && text == magic, path.string() + ": is not a checkpoint's manifest");
  const auto rest = std::span(bytes).subspan(user_block);
  std::string expected = seal(rest.size(), checksum(rest));
  expected.resize(user_block, '\0');
  require(std::memcmp(bytes.data(), expected.data(), expected.size()) == 0,
          path.string() + ": is damaged (checksum or size does not fit)");
}

}  // namespace

void write_manifest(const std::filesystem::path& folder, const RunState& state, const std::vector<ShardInfo>& shards) {
  const auto path = folder / layout::manifest_file;
  auto hdf5 = Hdf5File::create_in_memory(path.string());
  write_state(hdf5, state);
  hdf5.write_text("shards", shard_table(shards));
  hdf5.write_text("tensors", tensor_table(shards));
  const auto image = hdf5.image();
  const std::string text = seal(image.size(), checksum(image));
  std::vector<std::byte> block(user_block);
  std::memcpy(block.data(), text.data(), text.size());
  file_io::Output file(path, file_io::Output::Mode::create);
  file.write(block, 0);
  file.write(image, user_block);
  file.sync();
}

Checkpoint read_manifest(const std::filesystem::path& folder) {
  const auto path = folder / layout::manifest_file;
  require(std::filesystem::is_regular_file(path), path.string() + ": is missing, so the checkpoint is incomplete");
  require_whole(path);
  auto file = Hdf5File::open(path.string());
  const std::string format = file.read_text("format");
  require(format == std::to_string(checkpoint_format), path.string() + ": has checkpoint format " + format +
                                                           ", this clawrl reads format " +
                                                           std::to_string(checkpoint_format));
  Checkpoint checkpoint;
  checkpoint.path = folder.string();
  try {
    checkpoint.state = read_state(file);
  } catch (const std::logic_error& error) {  // std::stoll and its kin
    throw UserError(path.string() + ": a number in it cannot be read: " + error.what());
  }
  checkpoint.shards = read_tables(file.read_text("shards"), file.read_text("tensors"), path.string());
  return checkpoint;
}

}  // namespace clawrl
