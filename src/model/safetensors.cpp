#include "model/safetensors.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.hpp"

namespace clawrl {
namespace {

using nlohmann::json;
static_assert(std::endian::native == std::endian::little, "safetensors bytes are little-endian");

struct TypeName {
  const char* text;
  DType type;
};
constexpr TypeName type_names[] = {{"F32", DType::f32}, {"BF16", DType::bf16}, {"F16", DType::f16}, {"I64", DType::i64},
                                   {"F64", DType::f64}, {"I32", DType::i32},   {"U8", DType::u8}};
constexpr std::size_t max_header = 100'000'000;  // the format's own limit

DType type_of(const json& dtype, const std::string& where) {
  for (const auto& entry : type_names)
    if (dtype == entry.text) return entry.type;
  throw UserError(where + ": unknown dtype " + dtype.dump() + "; allowed: F32, BF16, F16, F64, I64, I32, U8");
}

const char* text_of(DType type) {
  for (const auto& entry : type_names)
    if (type == entry.type) return entry.text;
  throw InternalError("a type without a safetensors name");
}

std::size_t natural(const json& value, const std::string& where) {
  require(value.is_number_unsigned(), where + ": sizes and offsets must be non-negative integers");
  return value.get<std::size_t>();
}

ParameterView parse_entry(const std::string& name, const json& entry, const std::string& where, char* data,
                          std::size_t data_bytes) {
  require(entry.is_object() && entry.contains("dtype") && entry.contains("shape") && entry.contains("data_offsets"),
          where + ": needs dtype, shape and data_offsets");
  const auto &dtype = entry["dtype"], &shape = entry["shape"], &offsets = entry["data_offsets"];
  const auto type = type_of(dtype, where);
  require(shape.is_array() && offsets.is_array() && offsets.size() == 2, where + ": malformed shape or data_offsets");
  ParameterView view{name, type, {}, nullptr, MemorySpace::host};
  std::size_t bytes = size_of(type);
  for (const auto& extent : shape) {
    view.shape.push_back(static_cast<std::int64_t>(natural(extent, where)));
    const bool overflow = __builtin_mul_overflow(bytes, static_cast<std::size_t>(view.shape.back()), &bytes);
    require(!overflow, where + ": shape overflows");
  }
  const auto begin = natural(offsets[0], where), end = natural(offsets[1], where);
  require(begin <= end && end <= data_bytes, where + ": data_offsets " + offsets.dump() + " lie outside the file's " +
                                                 std::to_string(data_bytes) + " data bytes");
  require(end - begin == bytes, where + ": data_offsets " + offsets.dump() + " do not fit its shape and dtype");
  view.data = data + begin;
  return view;
}

void check_coverage(std::vector<ParameterView> tensors, const char* data, std::size_t data_bytes,
                    const std::string& path) {
  std::sort(tensors.begin(), tensors.end(), [](const auto& a, const auto& b) { return a.data < b.data; });
  const char* end = data;
  for (const auto& tensor : tensors) {
    if (tensor.bytes() == 0) continue;
    const auto* begin = static_cast<const char*>(tensor.data);
    require(begin >= end, path + ": tensor " + tensor.name + " overlaps another one");
    require(begin == end, path + ": bytes before tensor " + tensor.name + " belong to no tensor");
    end = begin + tensor.bytes();
  }
  require(end == data + data_bytes, path + ": bytes after the last tensor belong to no tensor");
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  require(file >= 0, path + ": cannot be opened: " + std::strerror(errno));
  struct stat status {};
  const bool known = ::fstat(file, &status) == 0;
  size_ = known ? static_cast<std::size_t>(status.st_size) : 0;
  if (size_ >= 8) mapping_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0);
  ::close(file);
  require(size_ >= 8, path + ": is truncated: it has only " + std::to_string(size_) + " bytes");
  require(mapping_ != MAP_FAILED, path + ": cannot be mapped: " + std::strerror(errno));
  try {
    auto* bytes = static_cast<char*>(mapping_);
    std::uint64_t header_bytes = 0;
    std::memcpy(&header_bytes, bytes, 8);
    require(header_bytes <= max_header && header_bytes <= size_ - 8,
            path + ": is truncated or no safetensors file: its header would need " + std::to_string(header_bytes) +
                " bytes");
    const auto header = json::parse(bytes + 8, bytes + 8 + header_bytes, nullptr, /*allow_exceptions=*/false);
    require(header.is_object(), path + ": header is not a JSON object");
    char* data = bytes + 8 + header_bytes;
    const auto data_bytes = size_ - 8 - header_bytes;
    for (const auto& [name, entry] : header.items()) {
      if (name == "__metadata__") {
        require(entry.is_object(), path + ": __metadata__ is not a JSON object");
        for (const auto& [key, value] : entry.items())
          metadata_[key] = value.is_string() ? value.get<std::string>() : value.dump();
      } else {
        tensors_.push_back(parse_entry(name, entry, path + ": tensor " + name, data, data_bytes));
      }
    }
    std::sort(tensors_.begin(), tensors_.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    check_coverage(tensors_, data, data_bytes, path);
  } catch (...) {
    ::munmap(mapping_, size_);
    throw;
  }
}

SafetensorsFile::~SafetensorsFile() { ::munmap(mapping_, size_); }

const ParameterView* SafetensorsFile::find(const std::string& name) const {
  const auto at = std::lower_bound(tensors_.begin(), tensors_.end(), name,
                                   [](const auto& tensor, const auto& wanted) { return tensor.name < wanted; });
  return at != tensors_.end() && at->name == name ? &*at : nullptr;
}

std::vector<std::unique_ptr<SafetensorsFile>> open_model_folder(const std::string& folder) {
  const auto single = folder + "/model.safetensors", index = single + ".index.json";
  std::vector<std::unique_ptr<SafetensorsFile>> files;
  if (!std::filesystem::exists(index)) {
    require(std::filesystem::exists(single),
            folder + ": holds neither model.safetensors nor model.safetensors.index.json");
    files.push_back(std::make_unique<SafetensorsFile>(single));
    return files;
  }
  std::ifstream in(index);
  const auto parsed = json::parse(in, nullptr, /*allow_exceptions=*/false);
  require(parsed.is_object() && parsed.contains("weight_map") && parsed["weight_map"].is_object(),
          index + ": has no weight_map");
  std::set<std::string> names;
  for (const auto& [tensor, file] : parsed["weight_map"].items()) {
    require(file.is_string() && file.get<std::string>().find('/') == std::string::npos,
            index + ": tensor " + tensor + " must name a file of the same folder");
    names.insert(file.get<std::string>());
  }
  for (const auto& name : names) files.push_back(std::make_unique<SafetensorsFile>(folder + "/" + name));
  return files;
}

namespace {

std::string header_of(const std::vector<ParameterView>& tensors, const std::map<std::string, std::string>& metadata) {
  auto header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::size_t offset = 0;
  for (const auto& tensor : tensors) {
    expect(tensor.space == MemorySpace::host, "only host memory can be written: " + tensor.name);
    expect(!header.contains(tensor.name), "a tensor is written twice: " + tensor.name);
    const auto end = offset + tensor.bytes();
    header[tensor.name] = {{"dtype", text_of(tensor.type)}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  auto text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  return text;
}

void write_all(int file, const void* data, std::size_t bytes, const std::string& path) {
  const auto* at = static_cast<const char*>(data);
  while (bytes > 0) {
    const auto written = ::write(file, at, bytes);
    if (written < 0 && errno == EINTR) continue;
    require(written > 0, path + ": cannot be written: " + std::strerror(errno));
    at += written;
    bytes -= static_cast<std::size_t>(written);
  }
}

void sync_folder(const std::string& path) {
  const auto parent = std::filesystem::absolute(path).parent_path();
  const int folder = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  ::fsync(folder);
  ::close(folder);
}

}  // namespace

void write_safetensors(const std::string& path, const std::vector<ParameterView>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  const auto header = header_of(tensors, metadata);
  const auto temporary = path + ".tmp" + std::to_string(::getpid());
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  require(file >= 0, path + ": cannot be written: " + std::strerror(errno));
  try {
    const std::uint64_t header_bytes = header.size();
    write_all(file, &header_bytes, 8, path);
    write_all(file, header.data(), header.size(), path);
    for (const auto& tensor : tensors) write_all(file, tensor.data, tensor.bytes(), path);
    require(::fsync(file) == 0, path + ": cannot be written: " + std::strerror(errno));
    require(::rename(temporary.c_str(), path.c_str()) == 0,
            path + ": cannot be renamed into place: " + std::strerror(errno));
  } catch (...) {
    ::close(file);
    ::unlink(temporary.c_str());
    throw;
  }
  ::close(file);
  sync_folder(path);
}

}  // namespace clawrl
