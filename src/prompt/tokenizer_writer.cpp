// Writes a trained tokenizer as Hugging Face does, so that other programs can load the model folder too.

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "prompt/bpe_trainer.hpp"
#include "prompt/byte_level.hpp"

namespace clawrl {
namespace {

using Json = nlohmann::ordered_json;

Json byte_level() {
  return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", false}, {"use_regex", false}};
}

Json added_token(const AddedToken& token) {
  return {{"content", token.content}, {"single_word", false},           {"lstrip", token.lstrip},
          {"rstrip", token.rstrip},   {"normalized", token.normalized}, {"special", token.special}};
}

Json model(const TrainedBpe& bpe) {
  Json vocab = Json::object(), merges = Json::array();
  std::vector<std::string> written;
  for (const auto& bytes : bpe.token_bytes) written.push_back(byte_level_encode(bytes));
  for (std::size_t id = 0; id < written.size(); ++id) vocab.push_back({written[id], id});
  for (const Merge& merge : bpe.merges)
    merges.push_back(written[static_cast<std::size_t>(merge.left)] + " " +
                     written[static_cast<std::size_t>(merge.right)]);
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", nullptr},
          {"continuing_subword_prefix", ""},
          {"end_of_word_suffix", ""},
          {"fuse_unk", false},
          {"byte_fallback", false},
          {"ignore_merges", false},
          {"vocab", std::move(vocab)},
          {"merges", std::move(merges)}};
}

Json tokenizer(const TrainedBpe& bpe, const std::vector<AddedToken>& added) {
  Json tokens = Json::array();
  for (const auto& token : added) {
    Json entry{{"id", token.id}};
    entry.update(added_token(token));
    tokens.push_back(std::move(entry));
  }
  const Json split{
      {"type", "Split"}, {"pattern", {{"Regex", qwen_split_pattern()}}}, {"behavior", "Isolated"}, {"invert", false}};
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", std::move(tokens)},
          {"normalizer", {{"type", "NFC"}}},
          {"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", Json::array({split, byte_level()})}}},
          {"post_processor", byte_level()},
          {"decoder", byte_level()},
          {"model", model(bpe)}};
}

Json config(const std::vector<AddedToken>& added) {
  Json by_id = Json::object(), special = Json::array();
  for (const auto& token : added) {
    by_id[std::to_string(token.id)] = added_token(token);
    if (token.special) special.push_back(token.content);
  }
  return {{"add_bos_token", false},
          {"add_prefix_space", false},
          {"added_tokens_decoder", std::move(by_id)},
          {"additional_special_tokens", std::move(special)},
          {"bos_token", nullptr},
          {"clean_up_tokenization_spaces", false},
          {"eos_token", "<|im_end|>"},
          {"errors", "replace"},
          {"model_max_length", 32768},
          {"pad_token", "<|endoftext|>"},
          {"split_special_tokens", false},
          {"tokenizer_class", "Qwen2Tokenizer"},
          {"unk_token", nullptr}};
}

void write_json(const std::filesystem::path& path, const Json& json) {
  const std::filesystem::path partial = path.string() + ".partial";
  {
    std::ofstream out(partial, std::ios::binary);
    out << json.dump(1) << "\n";
    out.flush();
    require(out.good(), partial.string() + ": cannot be written");
  }
  std::error_code error;
  std::filesystem::rename(partial, path, error);
  require(!error, path.string() + ": cannot be written: " + error.message());
}

}  // namespace

void write_tokenizer(const TrainedBpe& bpe, const std::string& output_folder) {
  std::error_code error;
  std::filesystem::create_directories(output_folder, error);
  require(!error, output_folder + ": the folder cannot be made: " + error.message());
  const auto added = qwen_added_tokens(static_cast<TokenId>(bpe.token_bytes.size()));
  write_json(std::filesystem::path(output_folder) / "tokenizer.json", tokenizer(bpe, added));
  write_json(std::filesystem::path(output_folder) / "tokenizer_config.json", config(added));
}

}  // namespace clawrl
