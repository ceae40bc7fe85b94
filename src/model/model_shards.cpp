// The files of a model folder: which there are, and whether they hold what the index says.
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "model/safetensors.hpp"

namespace clawrl {
namespace {

using nlohmann::json;
constexpr std::uintmax_t max_index = 100'000'000;

/// Collects weight_map (tensor -> file) from the index's events; everything else is passed over without being kept.
class IndexReader final : public nlohmann::json_sax<json> {
 public:
  explicit IndexReader(std::string path) : path_(std::move(path)) {}
  std::map<std::string, std::string> map;
  bool found = false;

  bool null() override { return value(); }
  bool boolean(bool) override { return value(); }
  bool number_integer(number_integer_t) override { return value(); }
  bool number_unsigned(number_unsigned_t) override { return value(); }
  bool number_float(number_float_t, const string_t&) override { return value(); }
  bool binary(binary_t&) override { return value(); }
  bool string(string_t& file) override {
    if (!in_map()) return value();
    const bool plain = !file.empty() && file != "." && file != ".." && file.find('/') == std::string::npos &&
                       file.find('\0') == std::string::npos;
    require(plain, path_ + ": tensor " + key_ + " must name a file of the same folder");
    require(map.emplace(key_, file).second, path_ + ": tensor " + key_ + " is there twice");
    return true;
  }
  bool start_object(std::size_t) override {
    if (depth_ == 1 && key_ == "weight_map") {
      require(!found, path_ + ": has two of weight_map");
      found = map_open_ = true;
    } else {
      value();
    }
    ++depth_;
    return true;
  }
  bool end_object() override {
    if (--depth_ == 1) map_open_ = false;
    return true;
  }
  bool start_array(std::size_t) override {
    require(depth_ > 0, path_ + ": has no weight_map");
    value();
    ++depth_;
    return true;
  }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool key(string_t& name) override {
    if (depth_ == 1 || in_map()) key_ = name;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    throw UserError(path_ + ": is not JSON: it breaks at byte " + std::to_string(position));
  }

 private:
  bool in_map() const { return map_open_ && depth_ == 2; }
  bool value() const {
    require(!map_open_, path_ + ": tensor " + key_ + " must name a file of the same folder");
    return true;
  }

  std::string path_, key_;
  std::int64_t depth_ = 0;
  bool map_open_ = false;
};

std::map<std::string, std::string> read_index(const std::string& path) {
  std::error_code failure;
  const auto size = std::filesystem::file_size(path, failure);
  require(!failure && size <= max_index, path + ": is not a file of at most 100 MB");
  std::ifstream in(path, std::ios::binary);
  std::string text(size, '\0');
  in.read(text.data(), static_cast<std::streamsize>(size));
  require(in.gcount() == static_cast<std::streamsize>(size), path + ": cannot be read");
  IndexReader reader(path);
  json::sax_parse(text, &reader);
  require(reader.found, path + ": has no weight_map");
  require(!reader.map.empty(), path + ": its weight_map names no tensor");
  return std::move(reader.map);
}

}  // namespace

std::vector<std::unique_ptr<SafetensorsFile>> open_model_folder(const std::string& folder) {
  const auto single = folder + "/model.safetensors", index = single + ".index.json";
  std::vector<std::unique_ptr<SafetensorsFile>> files;
  if (std::filesystem::exists(single)) {  // comes first, as in transformers
    files.push_back(std::make_unique<SafetensorsFile>(single));
    return files;
  }
  require(std::filesystem::exists(index),
          folder + ": holds neither model.safetensors nor model.safetensors.index.json");
  std::map<std::string, const SafetensorsFile*> opened;
  for (const auto& [tensor, name] : read_index(index)) {
    auto& file = opened[name];
    if (file == nullptr) {
      const auto path = folder + "/" + name;
      require(std::filesystem::exists(path), path + ": is missing; " + index + " names it for tensor " + tensor);
      file = files.emplace_back(std::make_unique<SafetensorsFile>(path)).get();
    }
    require(file->find(tensor) != nullptr,
            folder + "/" + name + ": lacks tensor " + tensor + ", which " + index + " says it holds");
  }
  return files;
}

}  // namespace clawrl
