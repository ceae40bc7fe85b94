#include "prompt/chat_template_file.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "prompt/jinja/limits.hpp"

namespace clawrl {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::uintmax_t largest_config = 64U << 20;  // bytes; added tokens can be many

std::string read_file(const fs::path& path, std::uintmax_t most) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  require(!error, path.string() + ": cannot be read");
  require(size <= most,
          path.string() + ": has " + std::to_string(size) + " bytes; " + std::to_string(most) + " are allowed");
  std::ifstream in(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  require(!in.bad() && text.size() == size, path.string() + ": cannot be read");
  return text;
}

Json read_config(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return Json::object();
  Json config = Json::parse(read_file(path, largest_config), nullptr, false);
  require(config.is_object(), path.string() + ": is no JSON object");
  return config;
}

std::map<std::string, std::string> special_tokens(const Json& config) {
  std::map<std::string, std::string> tokens;
  for (const char* name :
       {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}) {
    if (!config.contains(name)) continue;
    const Json& value = config[name];
    if (value.is_string()) tokens[name] = value.get<std::string>();
    if (value.is_object() && value.contains("content") && value["content"].is_string())
      tokens[name] = value["content"].get<std::string>();
  }
  return tokens;
}

/// chat_template of tokenizer_config.json: a string, or a list of {name, template}.
bool take_config_template(const Json& config, ChatTemplateFiles& files) {
  if (!config.contains("chat_template") || config["chat_template"].is_null()) return false;
  const Json& given = config["chat_template"];
  if (given.is_string()) return files.plain = given.get<std::string>(), true;
  require(given.is_array(), files.name + ": must be a string or a list of {name, template}");
  bool found = false;
  for (const Json& one : given) {
    require(one.is_object() && one.contains("name") && one["name"].is_string() && one.contains("template") &&
                one["template"].is_string(),
            files.name + ": must be a string or a list of {name, template}");
    if (one["name"] == "tool_use") files.with_tools = one["template"].get<std::string>();
    if (one["name"] != "default") continue;
    files.plain = one["template"].get<std::string>();
    found = true;
  }
  require(found, files.name + ": has no template named default");
  return true;
}

}  // namespace

ChatTemplateFiles read_chat_template(const std::string& folder, const std::string& override_file) {
  const fs::path config_file = fs::path(folder) / "tokenizer_config.json";
  const fs::path file = fs::path(folder) / "chat_template.jinja";
  const Json config = read_config(config_file);
  ChatTemplateFiles files;
  files.tokens = special_tokens(config);
  std::error_code error;
  const bool in_file = !override_file.empty() || fs::exists(file, error);
  if (in_file) {
    files.name = override_file.empty() ? file.string() : override_file;
    files.plain = read_file(files.name, jinja::Limits{}.source_bytes);
    return files;
  }
  files.name = config_file.string() + ": chat_template";
  require(take_config_template(config, files),
          folder +
              ": the model has no chat template: neither chat_template.jinja nor chat_template in "
              "tokenizer_config.json. Put a chat_template.jinja there, or name a file with model.chat_template");
  return files;
}

}  // namespace clawrl
