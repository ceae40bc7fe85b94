#include "convert/convert.hpp"

#include <filesystem>
#include <set>

#include "checkpoint/checkpoint_reader.hpp"
#include "checkpoint/checkpoint_writer.hpp"
#include "convert/run_settings.hpp"
#include "convert/target_folder.hpp"
#include "convert/tensor_source.hpp"
#include "convert/weights_writer.hpp"
#include "core/checksum.hpp"
#include "core/error.hpp"
#include "core/line_tensors.hpp"
#include "model/model_folder.hpp"
#include "model/peft_folder.hpp"
#include "model/safetensors.hpp"

namespace clawrl {
namespace {

namespace fs = std::filesystem;

/// Of the path itself, of the newest whole step_* folder in it, or of its checkpoints/.
Checkpoint find_checkpoint(const std::string& path) {
  require(fs::is_directory(path), path + ": there is no such folder");
  if (fs::exists(path + "/manifest.h5")) return open_checkpoint(path, Verify::sizes);  // tensors are checked when read
  for (const std::string& root : {path, path + "/checkpoints"}) {
    const auto found = list_checkpoints(root);
    for (auto info = found.rbegin(); info != found.rend(); ++info)
      if (info->problem.empty()) return open_checkpoint(info->path, Verify::sizes);
    require(found.empty(),
            root + ": holds no whole checkpoint; the newest: " + (found.empty() ? "" : found.back().problem));
  }
  throw UserError(path + ": is neither a model folder (config.json) nor a checkpoint nor a run's folder");
}

/// The model folder that an export is completed from.
std::string base_of(const Checkpoint& checkpoint, const std::string& given, const RunConfig& run) {
  const std::string beside = (fs::path(checkpoint.path).parent_path() / "model").string();
  const std::string base = !given.empty() ? given : is_model_folder(beside) ? beside : run.model.policy;
  require(is_model_folder(base), "the base folder " + base + " of checkpoint " + checkpoint.path +
                                     " has no config.json; name where it is with convert.base");
  return base;
}

bool has_adapter(const Checkpoint& checkpoint) {
  return !adapter_source(checkpoint).tensors.empty();
}

/// An adapter of another user would be exported without a word.
void require_line(const Checkpoint& checkpoint, const std::string& line) {
  std::set<std::string> lines;
  for (const ShardInfo& shard : checkpoint.shards)
    for (const TensorInfo& tensor : shard.tensors) lines.insert(line_of_tensor(tensor.name));
  std::string allowed;
  for (const std::string& one : lines) allowed += (allowed.empty() ? "" : ", ") + one;
  require(lines.contains(line), "convert.line = " + line + ": checkpoint " + checkpoint.path +
                                    " has no such policy line; it holds " + allowed);
}

std::optional<DType> written_type(ExportType type) {
  if (type == ExportType::fp32) return DType::f32;
  if (type == ExportType::bf16) return DType::bf16;
  return std::nullopt;
}

ConvertResult write_model(const TensorSource& source, ModelConfig config, const std::string& base,
                          const std::string& target, const ExportSettings& settings) {
  TargetFolder folder(target);
  const auto type = written_type(settings.type);
  config.dtype = type.value_or(source.tensors.front().type);
  write_model_config(config, folder.path());
  copy_side_files(base, folder.path());
  ConvertResult result = write_weights(source, folder.path(), type, settings.file_bytes);
  folder.finish();
  result.path = target;
  return result;
}

ConvertResult write_adapter(TensorSource source, const LoraConfig& lora, const std::string& base,
                            const std::string& target, const ExportSettings& settings, const std::string& where) {
  check_adapter(source.tensors, read_model_config(base), lora, where);
  std::vector<std::vector<char>> bytes;
  for (ParameterView& tensor : source.tensors) tensor.data = bytes.emplace_back(tensor.bytes()).data();
  source.read(source.tensors);
  TargetFolder folder(target);
  const DType type = written_type(settings.type).value_or(DType::f32);
  save_peft(folder.path(), fs::absolute(base).lexically_normal().string(), lora, source.tensors, type);
  folder.finish();
  ConvertResult result{source.tensors.size(), 0, 1, target};
  for (const ParameterView& tensor : source.tensors)
    result.bytes += static_cast<std::uint64_t>(tensor.elements()) * size_of(type);
  return result;
}

}  // namespace

bool is_model_folder(const std::string& path) {
  return fs::exists(path + "/config.json");
}

ConvertResult import_model(const std::string& folder, const std::string& target) {
  const ModelConfig config = read_model_config(folder);
  const auto files = open_model_folder(folder);
  std::vector<ParameterView> views;
  for (const auto& file : files) views.insert(views.end(), file->tensors().begin(), file->tensors().end());
  check_tensors(views, config, folder);
  TargetFolder made(target);
  const std::string side = made.path() + "/model";
  fs::create_directories(side);
  write_model_config(config, side);
  copy_side_files(folder, side);
  RunState state;
  state.version = {"main", 0, weights_hash(views), ""};
  state.base_model_hash = state.version.base_id;
  state.configuration = "[model]\npolicy = " + fs::absolute(folder).lexically_normal().string() + "\n";
  state.clawrl_version = CLAWRL_VERSION;
  const ShardInfo shard = write_shard(made.path(), 0, 0, 1, views);
  const std::string step = commit_checkpoint(made.path(), state, {shard});
  made.finish();
  return {views.size(), shard.bytes, 1, (fs::path(target) / fs::path(step).filename()).string()};
}

ConvertResult export_checkpoint(const std::string& path, const std::string& target, const ExportSettings& settings) {
  const Checkpoint checkpoint = find_checkpoint(path);
  const RunConfig run = settings_of(checkpoint.state.configuration);
  require_line(checkpoint, settings.line);
  const bool adapter = has_adapter(checkpoint);
  require(adapter || settings.lora == LoraExport::none,
          "convert.lora: checkpoint " + checkpoint.path + " has no adapter; it holds full weights");
  require(!adapter || settings.lora != LoraExport::none,
          "convert.lora: checkpoint " + checkpoint.path + " holds an adapter; say merged or adapter");
  const std::string base = base_of(checkpoint, settings.base, run);
  const ModelConfig config = read_model_config(base);
  if (!adapter) return write_model(checkpoint_source(checkpoint, config), config, base, target, settings);
  const bool stacked = run.policy.stacked() && settings.line != "main";
  const LoraConfig lora = resolve_lora(stacked ? served_lora(run) : run.trainer.lora);
  const TensorSource source =
      stacked ? stacked_source(checkpoint, settings.line) : adapter_source(checkpoint, settings.line);
  const std::string where = "checkpoint " + checkpoint.path;
  if (settings.lora == LoraExport::adapter) return write_adapter(source, lora, base, target, settings, where);
  return write_model(merged_source(source, base, config, lora, where), config, base, target, settings);
}

}  // namespace clawrl
