#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "model/safetensors.hpp"
#include "model/safetensors_header.hpp"

namespace clawrl {
namespace {

std::string header_of(const std::vector<ParameterView>& tensors, std::optional<DType> type,
                      const std::map<std::string, std::string>& metadata) {
  auto header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::size_t offset = 0;
  for (const auto& tensor : tensors) {
    expect(tensor.space == MemorySpace::host, "only host memory can be written: " + tensor.name);
    expect(!header.contains(tensor.name), "a tensor is written twice: " + tensor.name);
    const auto stored = type.value_or(tensor.type);
    const auto end = offset + static_cast<std::size_t>(tensor.elements()) * size_of(stored);
    header[tensor.name] = {
        {"dtype", safetensors_name(stored)}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
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

void write_tensor(int file, const ParameterView& tensor, DType type, const std::string& path) {
  if (tensor.type == type) return write_all(file, tensor.data, tensor.bytes(), path);
  constexpr std::int64_t piece_elements = std::int64_t{1} << 20;
  std::vector<char> converted(static_cast<std::size_t>(std::min(piece_elements, tensor.elements())) * size_of(type));
  for (std::int64_t begin = 0; begin < tensor.elements(); begin += piece_elements) {
    const auto count = std::min(piece_elements, tensor.elements() - begin);
    const ParameterView target{tensor.name, type, {count}, converted.data()};
    convert(part_of(tensor, begin, count), target);
    write_all(file, converted.data(), target.bytes(), path);
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
                       const std::map<std::string, std::string>& metadata, std::optional<DType> type) {
  const auto header = header_of(tensors, type, metadata);
  const auto temporary = path + ".tmp" + std::to_string(::getpid());
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  require(file >= 0, path + ": cannot be written: " + std::strerror(errno));
  try {
    const std::uint64_t header_bytes = header.size();
    write_all(file, &header_bytes, 8, path);
    write_all(file, header.data(), header.size(), path);
    for (const auto& tensor : tensors) write_tensor(file, tensor, type.value_or(tensor.type), path);
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
