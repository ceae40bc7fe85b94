#pragma once
// Hugging Face folders to checkpoints and back. Targets are written under a temporary name beside their own and renamed
// at the end, so that one that is there is whole; a target that exists and is not an empty folder is refused. Memory:
// some hundred MiB or the largest tensor, whichever is more. Every error is a UserError that names file or tensor.

#include <cstdint>
#include <string>

namespace clawrl {

/// How a trained LoRA adapter leaves: inside full weights, or by itself as a PEFT folder.
enum class LoraExport { none, merged, adapter };
/// stored: as the checkpoint has them (f32 of a training run; merged ones f32 too).
enum class ExportType { stored, fp32, bf16 };

struct ExportSettings {
  std::string base = {};  // model folder that the run started from; empty = what the checkpoint says
  LoraExport lora = LoraExport::none;
  std::string line = "main";  // policy line whose adapter it is
  ExportType type = ExportType::stored;
  std::uint64_t file_bytes = 5'000'000'000;  // larger weights are cut into several files with an index
};

struct ConvertResult {
  std::size_t tensors = 0;
  std::uint64_t bytes = 0;  // of the weights written
  std::size_t files = 0;    // that hold them
  std::string path;         // what was made: a step_* folder or a model folder
};

/// Writes the folder's weights as checkpoint `target`/step_00000000, each tensor in its own type, and what else the
/// folder is made of (configuration, tokenizer, chat template) into `target`/model, so that it needs no other folder to
/// be exported again. There are no optimiser moments in it: it is no checkpoint to resume from.
ConvertResult import_model(const std::string& folder, const std::string& target);

/// Writes the model folder `target` from `checkpoint`: a step_* folder, or a folder with such (the newest whole one is
/// taken), or a run's folder. With LoraExport::adapter it is a PEFT folder.
ConvertResult export_checkpoint(const std::string& checkpoint, const std::string& target,
                                const ExportSettings& settings);

/// True when `path` is a model folder (it has a config.json), false when it is or holds a checkpoint.
bool is_model_folder(const std::string& path);

}  // namespace clawrl
