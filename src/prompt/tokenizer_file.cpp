#include "prompt/tokenizer_file.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "core/error.hpp"
#include "prompt/byte_level.hpp"
#include "prompt/tokenizer_field.hpp"
#include "prompt/tokenizer_stages.hpp"
#include "prompt/utf8.hpp"

namespace clawrl {
namespace {

/// Reads the model and the added tokens; the stages around them have been read before.
class VocabularyReader {
 public:
  VocabularyReader(const JsonField& root, bool byte_level, TokenizerParts& parts)
      : byte_level_(byte_level),
        parts_(parts),
        tokens_(root.at("model").optional("vocab").size() + root.optional("added_tokens").size()) {}

  void read_model(const JsonField& model);
  void read_added_token(const JsonField& field);

 private:
  TokenId id_of(const JsonField& field) const {
    // Published files have dense ids; a lying one must not ask for gigabytes.
    return static_cast<TokenId>(field.integer(0, static_cast<std::int64_t>(2 * tokens_ + 100'000)));
  }
  std::string bytes_of(const std::string& token) const;
  void put_token(TokenId id, const std::string& bytes, const JsonField& where);
  void read_vocabulary(const JsonField& vocab);
  void read_byte_ids(const JsonField& vocab);
  void read_merges(const JsonField& merges);
  TokenId written_id(const std::string& token, const JsonField& where) const;

  bool byte_level_;
  TokenizerParts& parts_;
  std::size_t tokens_;
  StringMap<TokenId> written_;  // as the file spells the tokens
};

std::string VocabularyReader::bytes_of(const std::string& token) const {
  // As Hugging Face's decoder: a token with characters outside the byte alphabet stands for its own UTF-8.
  if (byte_level_) return byte_level_decode(token).value_or(token);
  const std::string& space = parts_.text.space;
  if (space.empty()) return token;
  std::string bytes = token;
  for (std::size_t i = 0; (i = bytes.find(space, i)) != std::string::npos; ++i) bytes.replace(i, space.size(), " ");
  return bytes;
}

void VocabularyReader::put_token(TokenId id, const std::string& bytes, const JsonField& where) {
  const auto place = static_cast<std::size_t>(id);
  if (place >= parts_.token_bytes.size()) parts_.token_bytes.resize(place + 1);
  std::string& slot = parts_.token_bytes[place];
  if (!slot.empty() && slot != bytes) where.refuse("has an id that another token has too");
  slot = bytes;
}

void VocabularyReader::read_vocabulary(const JsonField& vocab) {
  for (const auto& [token, field] : vocab.entries()) {
    if (token.empty()) field.refuse("is an empty token");
    const TokenId id = id_of(field);
    const std::string bytes = bytes_of(token);
    put_token(id, bytes, field);
    written_.emplace(token, id);
    parts_.vocabulary.emplace(bytes, id);
  }
}

TokenId VocabularyReader::written_id(const std::string& token, const JsonField& where) const {
  const auto found = written_.find(token);
  if (found == written_.end()) where.refuse("needs the token '" + token + "', which model.vocab lacks");
  return found->second;
}

void VocabularyReader::read_byte_ids(const JsonField& vocab) {
  if (!byte_level_) parts_.byte_token.assign(parts_.token_bytes.size(), 0);
  for (int byte = 0; byte < 256; ++byte) {
    const std::string raw(1, static_cast<char>(byte));
    char fallback[8];
    std::snprintf(fallback, sizeof fallback, "<0x%02X>", static_cast<unsigned>(byte));
    const TokenId id = written_id(byte_level_ ? byte_level_encode(raw) : fallback, vocab);
    parts_.model.byte_ids[static_cast<std::size_t>(byte)] = id;
    if (byte_level_) continue;
    parts_.byte_token[static_cast<std::size_t>(id)] = 1;
    parts_.vocabulary.erase(parts_.token_bytes[static_cast<std::size_t>(id)]);
    parts_.token_bytes[static_cast<std::size_t>(id)] = raw;
    parts_.vocabulary.emplace(raw, id);  // a token of that one character goes before
  }
  if (byte_level_) return;
  for (const auto& [token, id] : written_)
    if (utf8_step(token).length == token.size()) parts_.model.character_ids.emplace(code_point(token), id);
}

std::pair<std::string, std::string> read_merge(const JsonField& merge) {
  if (merge.is_text()) {
    const std::string both = merge.text();
    const std::size_t space = both.find(' ');
    if (space == std::string::npos || both.find(' ', space + 1) != std::string::npos)
      merge.refuse("must be two tokens with a space between them");
    return {both.substr(0, space), both.substr(space + 1)};
  }
  const auto sides = merge.items();
  if (sides.size() != 2) merge.refuse("must have two tokens");
  return {sides[0].text(), sides[1].text()};
}

void VocabularyReader::read_merges(const JsonField& merges) {
  const auto is_byte = [&](TokenId id) { return !byte_level_ && parts_.byte_token[static_cast<std::size_t>(id)] != 0; };
  for (const JsonField& merge : merges.items()) {
    const auto [left, right] = read_merge(merge);
    const Merge read{written_id(left, merge), written_id(right, merge), written_id(left + right, merge)};
    if (is_byte(read.left) || is_byte(read.right)) merge.refuse("merges a <0x..> token, which is not supported");
    parts_.model.merges.push_back(read);
    if (!byte_level_) parts_.model.joints.insert(BpeModel::joint(last_code_point(left), code_point(right)));
  }
}

void VocabularyReader::read_model(const JsonField& model) {
  const std::string type = model.has("type") ? model.type() : "BPE";
  if (type != "BPE") model.refuse("has type '" + type + "'; only BPE is supported");
  for (const char* key : {"dropout", "continuing_subword_prefix", "end_of_word_suffix"})
    if (!model.asks_for_nothing(key)) model.at(key).refuse("is not supported; it must be absent, null or empty");
  const bool fallback = model.flag("byte_fallback", false);
  if (byte_level_ && fallback) model.at("byte_fallback").refuse("must be false with a ByteLevel pre_tokenizer");
  if (!byte_level_ && !fallback)
    model.refuse("needs byte_fallback: true, or a ByteLevel stage in pre_tokenizer; other BPE is not supported");
  parts_.model.characters = !byte_level_;
  read_vocabulary(model.at("vocab"));
  read_byte_ids(model.at("vocab"));
  read_merges(model.at("merges"));
  parts_.model.ignore_merges = model.flag("ignore_merges", false);
  if (!parts_.model.ignore_merges) return;
  if (!byte_level_) model.at("ignore_merges").refuse("must be false with byte_fallback");
  parts_.model.whole_pieces = parts_.vocabulary;
}

void VocabularyReader::read_added_token(const JsonField& field) {
  AddedToken token{id_of(field.at("id")),           field.at("content").text(),  field.flag("special", false),
                   field.flag("normalized", false), field.flag("lstrip", false), field.flag("rstrip", false)};
  if (token.content.empty()) field.at("content").refuse("is empty");
  if (field.flag("single_word", false)) field.at("single_word").refuse("is not supported; it must be false");
  put_token(token.id, bytes_of(token.content), field);
  parts_.added_tokens.push_back(std::move(token));
}

void check_path(const std::string& path) {
  namespace fs = std::filesystem;
  if (fs::exists(path)) return;
  const fs::path sentencepiece = fs::path(path).parent_path() / "tokenizer.model";
  require(!fs::exists(sentencepiece),
          sentencepiece.string() +
              ": SentencePiece models are not read; convert it once with transformers: "
              "AutoTokenizer.from_pretrained(FOLDER, use_fast=True).save_pretrained(FOLDER) writes the tokenizer.json");
  throw UserError(path + ": cannot be read (a Hugging Face tokenizer.json is wanted)");
}

}  // namespace

TokenizerParts read_tokenizer_file(const std::string& path) {
  check_path(path);
  const JsonFile file(path);
  const JsonField root = file.root();
  TokenizerParts parts;
  const JsonField model = root.at("model");
  read_normalizer(root.optional("normalizer"), parts);
  const bool byte_level = read_pretokenizer(root.optional("pre_tokenizer"), parts);
  if (byte_level && !parts.text.space.empty())
    root.optional("normalizer").refuse("replaces spaces in front of a ByteLevel stage");
  VocabularyReader reader(root, byte_level, parts);
  reader.read_model(model);
  read_post_processor(root.optional("post_processor"), parts);
  read_decoder(root.optional("decoder"), byte_level, parts);
  if (root.has("added_tokens"))
    for (const JsonField& token : root.at("added_tokens").items()) reader.read_added_token(token);
  if (!byte_level) parts.byte_token.resize(parts.token_bytes.size());
  for (const auto& ids : {parts.prefix, parts.suffix})
    for (const TokenId id : ids)
      if (const auto place = static_cast<std::size_t>(id);
          place >= parts.token_bytes.size() || parts.token_bytes[place].empty())
        root.at("post_processor").refuse("uses token " + std::to_string(id) + ", which does not exist");
  return parts;
}

}  // namespace clawrl
