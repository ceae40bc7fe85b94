// A Hugging Face folder to a checkpoint, a checkpoint to a Hugging Face or PEFT folder.

#include <iostream>
#include <map>

#include "config/parse.hpp"
#include "convert/convert.hpp"
#include "core/error.hpp"

namespace {

using namespace clawrl;

struct ConvertJob {
  std::string from, to, base, dtype = "stored", lora = "none", line = "main";
  double file_gb = 5;
};

void describe(SettingList& list, ConvertJob& job) {
  list.add("convert.from", job.from,
           "a model folder (becomes a checkpoint), or a checkpoint, a folder of them or a run's folder");
  list.add("convert.to", job.to, "folder to make; must not exist or be empty");
  list.add("convert.base", job.base, "model folder that the run started from; empty = what the checkpoint says");
  list.add("convert.dtype", job.dtype, "type of the exported weights", {"stored", "fp32", "bf16"});
  list.add("convert.lora", job.lora, "how a trained adapter is exported: inside full weights or as a PEFT folder",
           {"none", "merged", "adapter"});
  list.add("convert.line", job.line, "policy line whose adapter is exported: main, or the hash of a user");
  list.add("convert.file_gb", job.file_gb, "largest weight file in 10^9 bytes", between(1e-6, 1e6));
}

ExportSettings export_settings(const ConvertJob& job) {
  static const std::map<std::string, ExportType> types = {
      {"stored", ExportType::stored}, {"fp32", ExportType::fp32}, {"bf16", ExportType::bf16}};
  static const std::map<std::string, LoraExport> loras = {
      {"none", LoraExport::none}, {"merged", LoraExport::merged}, {"adapter", LoraExport::adapter}};
  return {job.base, loras.at(job.lora), job.line, types.at(job.dtype), static_cast<std::uint64_t>(job.file_gb * 1e9)};
}

void run(const ConvertJob& job) {
  require(!job.from.empty(), "convert.from: name a model folder, a checkpoint or a run's folder");
  require(!job.to.empty(), "convert.to: name the folder to make");
  const bool import = is_model_folder(job.from);
  require(!import || (job.base.empty() && job.dtype == "stored" && job.lora == "none" && job.line == "main"),
          "convert.base, convert.dtype, convert.lora and convert.line are for exports; convert.from is a model folder, "
          "whose tensors "
          "are kept as they are");
  const ConvertResult made =
      import ? import_model(job.from, job.to) : export_checkpoint(job.from, job.to, export_settings(job));
  std::cout << "wrote " << made.path << ": " << made.tensors << " tensors, " << made.bytes << " bytes in " << made.files
            << (made.files == 1 ? " file" : " files") << std::endl;
}

}  // namespace

int main(int argc, char** argv) try {
  ConvertJob job;
  SettingList own;
  describe(own, job);
  RunConfig config;
  std::string help;
  const JobDescription description{"convert", "Converts between Hugging Face model folders and checkpoints.", {}};
  if (!parse(argc, argv, description, config, help, &own)) {
    std::cout << help;
    return 0;
  }
  run(job);
  return 0;
} catch (const std::exception& error) {
  std::cerr << "convert: " << error.what() << std::endl;
  return 1;
}
