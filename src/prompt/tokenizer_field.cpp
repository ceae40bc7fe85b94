#include "prompt/tokenizer_field.hpp"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.hpp"

namespace clawrl {
namespace {

using Json = nlohmann::json;

constexpr std::uintmax_t largest_file = 512U << 20;  // bytes; the largest published ones have 35 MB
constexpr int deepest = 64;

const Json& json(const void* value) {
  return *static_cast<const Json*>(value);
}

std::string read_file(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  require(!error, path + ": cannot be read: " + error.message());
  require(size <= largest_file,
          path + ": has " + std::to_string(size) + " bytes; at most " + std::to_string(largest_file) + " are read");
  std::ifstream in(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  require(in.good() || in.eof(), path + ": cannot be read");
  return text;
}

/// Of brackets outside of strings: what a parser would have to nest.
void check_depth(const std::string& text, const std::string& path) {
  int depth = 0, line = 1;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') ++line;
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      require(++depth <= deepest, path + ": line " + std::to_string(line) + " is nested deeper than " +
                                      std::to_string(deepest) + " levels");
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
}

}  // namespace

struct JsonFile::Content {
  std::string path;
  Json value;
};

JsonFile::JsonFile(const std::string& path) : content_(std::make_unique<Content>()) {
  content_->path = path;
  const std::string text = read_file(path);
  check_depth(text, path);
  try {
    content_->value = Json::parse(text);
  } catch (const Json::exception& error) {
    throw UserError(path + ": is not valid JSON: " + error.what());
  }
}

JsonFile::~JsonFile() = default;
JsonField JsonFile::root() const {
  return {&content_->value, &content_->path, ""};
}

void JsonField::refuse(const std::string& why) const {
  throw UserError(*file_ + ": " + (path_.empty() ? "the file" : path_) + " " + why);
}

bool JsonField::is_null() const {
  return json(value_).is_null();
}
bool JsonField::is_text() const {
  return json(value_).is_string();
}
std::size_t JsonField::size() const {
  return json(value_).is_structured() ? json(value_).size() : 0;
}

bool JsonField::has(const std::string& key) const {
  if (!json(value_).is_object()) return false;
  const auto found = json(value_).find(key);
  return found != json(value_).end() && !found->is_null();
}

JsonField JsonField::at(const std::string& key) const {
  if (!json(value_).is_object()) refuse("must be an object");
  const std::string inner = path_.empty() ? key : path_ + "." + key;
  const auto found = json(value_).find(key);
  if (found == json(value_).end()) throw UserError(*file_ + ": " + inner + " is missing");
  return {&*found, file_, inner};
}

JsonField JsonField::optional(const std::string& key) const {
  static const Json null;
  if (has(key)) return at(key);
  if (!json(value_).is_object()) refuse("must be an object");
  return {&null, file_, path_.empty() ? key : path_ + "." + key};
}

std::vector<JsonField> JsonField::items() const {
  if (!json(value_).is_array()) refuse("must be an array");
  std::vector<JsonField> fields;
  fields.reserve(json(value_).size());
  for (std::size_t i = 0; i < json(value_).size(); ++i)
    fields.push_back({&json(value_)[i], file_, path_ + "[" + std::to_string(i) + "]"});
  return fields;
}

std::vector<std::pair<std::string, JsonField>> JsonField::entries() const {
  if (!json(value_).is_object() || json(value_).empty()) refuse("must be an object of token: id");
  std::vector<std::pair<std::string, JsonField>> fields;
  fields.reserve(json(value_).size());
  for (const auto& [key, value] : json(value_).items())
    fields.emplace_back(key, JsonField{&value, file_, path_ + "['" + key + "']"});
  return fields;
}

std::string JsonField::text() const {
  if (!json(value_).is_string()) refuse("must be a string");
  return json(value_).get<std::string>();
}

std::int64_t JsonField::integer(std::int64_t low, std::int64_t high) const {
  const Json& value = json(value_);
  const bool fits = value.is_number_unsigned() ? value.get<std::uint64_t>() <= static_cast<std::uint64_t>(high)
                                               : value.is_number_integer() && value.get<std::int64_t>() <= high;
  if (!fits || value.get<std::int64_t>() < low)
    refuse("must be a whole number from " + std::to_string(low) + " to " + std::to_string(high));
  return value.get<std::int64_t>();
}

bool JsonField::flag(const std::string& key, bool otherwise) const {
  if (!has(key)) return otherwise;
  const JsonField field = at(key);
  if (!json(field.value_).is_boolean()) field.refuse("must be true or false");
  return json(field.value_).get<bool>();
}

bool JsonField::asks_for_nothing(const std::string& key) const {
  if (!has(key)) return true;
  const Json& value = json(at(key).value_);
  return value == "" || value == 0.0 || value == false;
}

}  // namespace clawrl
