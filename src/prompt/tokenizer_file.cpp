#include "prompt/tokenizer_file.hpp"

#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "prompt/byte_level.hpp"

namespace clawrl {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t most_tokens = 16'000'000;

/// GPT-2's own regex, which ByteLevel with use_regex stands for.
constexpr const char* gpt2_pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

/// A value and where it stands, so that every complaint names its field.
struct Field {
  const Json* value;
  std::string file, path;

  [[noreturn]] void refuse(const std::string& why) const {
    throw UserError(file + ": " + (path.empty() ? "the file" : path) + " " + why);
  }
  bool has(const char* key) const {
    return value->is_object() && value->contains(key) && !value->at(key).is_null();
  }
  Field at(const char* key) const {
    if (!value->is_object()) refuse("must be an object");
    const std::string inner = path.empty() ? key : path + "." + key;
    if (!value->contains(key)) throw UserError(file + ": " + inner + " is missing");
    return {&value->at(key), file, inner};
  }
  std::vector<Field> items() const {
    if (!value->is_array()) refuse("must be an array");
    std::vector<Field> fields;
    for (std::size_t i = 0; i < value->size(); ++i)
      fields.push_back({&(*value)[i], file, path + "[" + std::to_string(i) + "]"});
    return fields;
  }
  std::string text() const {
    if (!value->is_string()) refuse("must be a string");
    return value->get<std::string>();
  }
  TokenId id() const {
    if (!value->is_number_integer() || value->get<std::int64_t>() < 0 || value->get<std::int64_t>() >= most_tokens)
      refuse("must be a token id from 0 to " + std::to_string(most_tokens - 1));
    return value->get<TokenId>();
  }
  bool flag(const char* key, bool otherwise) const {
    if (!has(key)) return otherwise;
    const Field field = at(key);
    if (!field.value->is_boolean()) field.refuse("must be true or false");
    return field.value->get<bool>();
  }
  std::string type() const { return at("type").text(); }
};

Json parse_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  require(in.good(), path + ": cannot be read (a Hugging Face tokenizer.json is wanted)");
  try {
    return Json::parse(in);
  } catch (const Json::exception& error) {
    throw UserError(path + ": is not valid JSON: " + error.what());
  }
}

std::string bytes_of_token(const std::string& token) {
  // As Hugging Face's decoder: a token with characters outside the byte alphabet stands for its own UTF-8.
  return byte_level_decode(token).value_or(token);
}

void put_token(TokenizerParts& parts, TokenId id, const std::string& bytes, const Field& where) {
  const auto place = static_cast<std::size_t>(id);
  if (place >= parts.token_bytes.size()) parts.token_bytes.resize(place + 1);
  std::string& slot = parts.token_bytes[place];
  if (!slot.empty() && slot != bytes) where.refuse("has an id that another token has too");
  slot = bytes;
}

StringMap<TokenId> read_vocabulary(const Field& vocab, TokenizerParts& parts) {
  if (!vocab.value->is_object() || vocab.value->empty()) vocab.refuse("must be an object of token: id");
  StringMap<TokenId> written;  // as the file spells the tokens
  for (const auto& [token, id] : vocab.value->items()) {
    const Field field{&id, vocab.file, vocab.path + "['" + token + "']"};
    if (token.empty()) field.refuse("is an empty token");
    const std::string bytes = bytes_of_token(token);
    put_token(parts, field.id(), bytes, field);
    written.emplace(token, field.id());
    parts.vocabulary.emplace(bytes, field.id());
  }
  return written;
}

std::pair<std::string, std::string> read_merge(const Field& merge) {
  if (merge.value->is_string()) {
    const std::string both = merge.text();
    const std::size_t space = both.find(' ');
    if (space == std::string::npos || both.find(' ', space + 1) != std::string::npos)
      merge.refuse("must be two tokens with a space between them");
    return {both.substr(0, space), both.substr(space + 1)};
  }
  const auto parts = merge.items();
  if (parts.size() != 2) merge.refuse("must have two tokens");
  return {parts[0].text(), parts[1].text()};
}

void read_model(const Field& model, TokenizerParts& parts) {
  const std::string type = model.has("type") ? model.type() : "BPE";
  if (type != "BPE") model.refuse("has type '" + type + "'; only BPE is supported");
  for (const char* key : {"dropout", "continuing_subword_prefix", "end_of_word_suffix"})
    if (model.has(key) && *model.at(key).value != "" && *model.at(key).value != 0.0)
      model.at(key).refuse("is not supported; it must be absent, null or empty");
  if (model.flag("byte_fallback", false)) model.at("byte_fallback").refuse("is not supported; it must be false");
  const auto written = read_vocabulary(model.at("vocab"), parts);
  const auto id = [&](const std::string& token, const Field& where) {
    const auto found = written.find(token);
    if (found == written.end()) where.refuse("needs the token '" + token + "', which model.vocab lacks");
    return found->second;
  };
  for (int byte = 0; byte < 256; ++byte)
    parts.model.byte_ids[static_cast<std::size_t>(byte)] =
        id(byte_level_encode(std::string(1, static_cast<char>(byte))), model.at("vocab"));
  for (const Field& merge : model.at("merges").items()) {
    const auto [left, right] = read_merge(merge);
    parts.model.merges.push_back({id(left, merge), id(right, merge), id(left + right, merge)});
  }
  parts.model.ignore_merges = model.flag("ignore_merges", false);
  if (parts.model.ignore_merges) parts.model.whole_pieces = parts.vocabulary;
}

void read_normalizer(const Field& normalizer, TokenizerParts& parts) {
  if (normalizer.value->is_null()) return;
  const std::string type = normalizer.type();
  if (type == "Sequence") {
    for (const Field& inner : normalizer.at("normalizers").items()) read_normalizer(inner, parts);
  } else if (type == "NFC") {
    parts.nfc = true;
  } else {
    normalizer.refuse("has type '" + type + "'; supported are NFC, a Sequence of it, or null");
  }
}

void read_split(const Field& split, TokenizerParts& parts) {
  if (!split.at("pattern").has("Regex")) split.at("pattern").refuse("must be a Regex");
  if (split.at("behavior").text() != "Isolated")
    split.at("behavior").refuse("is '" + split.at("behavior").text() + "'; only Isolated is supported");
  if (split.flag("invert", false)) split.at("invert").refuse("is not supported; it must be false");
  parts.split_patterns.push_back(split.at("pattern").at("Regex").text());
}

/// Returns whether a ByteLevel stage was there.
bool read_pretokenizer(const Field& stage, TokenizerParts& parts) {
  if (stage.value->is_null()) return false;
  const std::string type = stage.type();
  if (type == "Sequence") {
    bool byte_level = false;
    for (const Field& inner : stage.at("pretokenizers").items()) {
      if (byte_level) inner.refuse("stands after ByteLevel, which must be the last");
      byte_level = read_pretokenizer(inner, parts);
    }
    return byte_level;
  }
  if (type == "Split") {
    read_split(stage, parts);
    return false;
  }
  if (type != "ByteLevel") stage.refuse("has type '" + type + "'; supported are Sequence, Split and ByteLevel");
  if (stage.flag("add_prefix_space", true)) stage.at("add_prefix_space").refuse("must be false");
  if (stage.flag("use_regex", true)) parts.split_patterns.emplace_back(gpt2_pattern);
  return true;
}

void read_template(const Field& processor, TokenizerParts& parts) {
  bool before = true;
  for (const Field& piece : processor.at("single").items()) {
    if (piece.has("Sequence")) {
      before = false;
      continue;
    }
    const std::string name = piece.at("SpecialToken").at("id").text();
    const Field special = processor.at("special_tokens").at(name.c_str());
    for (const Field& id : special.at("ids").items()) (before ? parts.prefix : parts.suffix).push_back(id.id());
  }
}

void read_post_processor(const Field& processor, TokenizerParts& parts) {
  if (processor.value->is_null()) return;
  const std::string type = processor.type();
  if (type == "Sequence") {
    for (const Field& inner : processor.at("processors").items()) read_post_processor(inner, parts);
  } else if (type == "TemplateProcessing") {
    read_template(processor, parts);
  } else if (type != "ByteLevel") {  // ByteLevel only moves offsets
    processor.refuse("has type '" + type + "'; supported are Sequence, TemplateProcessing and ByteLevel");
  }
}

void read_decoder(const Field& decoder) {
  if (decoder.value->is_null() || decoder.type() != "ByteLevel") decoder.refuse("must be ByteLevel");
}

void read_added_token(const Field& field, TokenizerParts& parts) {
  AddedToken token{field.at("id").id(),           field.at("content").text(),   field.flag("special", false),
                   field.flag("normalized", false), field.flag("lstrip", false), field.flag("rstrip", false)};
  if (token.content.empty()) field.at("content").refuse("is empty");
  if (field.flag("single_word", false)) field.at("single_word").refuse("is not supported; it must be false");
  put_token(parts, token.id, bytes_of_token(token.content), field);
  parts.added_tokens.push_back(std::move(token));
}

}  // namespace

TokenizerParts read_tokenizer_file(const std::string& path) {
  const Json json = parse_file(path);
  const Field root{&json, path, ""};
  const Json null;
  const auto optional = [&](const char* key) { return root.has(key) ? root.at(key) : Field{&null, path, key}; };
  TokenizerParts parts;
  read_model(root.at("model"), parts);
  read_normalizer(optional("normalizer"), parts);
  if (!read_pretokenizer(optional("pre_tokenizer"), parts))
    optional("pre_tokenizer").refuse("has no ByteLevel stage; only byte-level tokenizers are supported");
  read_post_processor(optional("post_processor"), parts);
  read_decoder(optional("decoder"));
  if (root.has("added_tokens"))
    for (const Field& token : root.at("added_tokens").items()) read_added_token(token, parts);
  for (const auto& ids : {parts.prefix, parts.suffix})
    for (const TokenId id : ids)
      if (static_cast<std::size_t>(id) >= parts.token_bytes.size())
        root.at("post_processor").refuse("uses token " + std::to_string(id) + ", which does not exist");
  return parts;
}

}  // namespace clawrl
