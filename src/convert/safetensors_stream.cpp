#include "convert/safetensors_stream.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "model/safetensors_header.hpp"

namespace clawrl {
namespace {

std::string header_of(std::span<const ParameterView> tensors) {
  nlohmann::ordered_json header = {{"__metadata__", {{"format", "pt"}}}};
  std::size_t begin = 0;
  for (const auto& tensor : tensors) {
    const std::size_t end = begin + tensor.bytes();
    header[tensor.name] = {
        {"dtype", safetensors_name(tensor.type)}, {"shape", tensor.shape}, {"data_offsets", {begin, end}}};
    begin = end;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  return text;
}

}  // namespace

SafetensorsStream::SafetensorsStream(const std::string& path, std::span<const ParameterView> tensors)
    : path_(path), tensors_(tensors.begin(), tensors.end()) {
  const std::string header = header_of(tensors);
  const std::uint64_t header_bytes = header.size();
  std::uint64_t total = 8 + header_bytes;
  for (const auto& tensor : tensors) total += tensor.bytes();
  file_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  require(file_ >= 0, path_ + ": cannot be written: " + std::strerror(errno));
  const int reserved = ::posix_fallocate(file_, 0, static_cast<off_t>(total));
  require(
      reserved == 0 || reserved == EOPNOTSUPP || reserved == EINVAL,
      path_ + ": cannot be written: no room for its " + std::to_string(total) + " bytes: " + std::strerror(reserved));
  write(&header_bytes, sizeof header_bytes);
  write(header.data(), header.size());
}

SafetensorsStream::~SafetensorsStream() {
  if (file_ >= 0) ::close(file_);
}

void SafetensorsStream::append(const ParameterView& tensor) {
  expect(next_ < tensors_.size() && tensors_[next_].name == tensor.name && tensors_[next_].bytes() == tensor.bytes(),
         "convert: tensor " + tensor.name + " is not the next one of " + path_);
  ++next_;
  write(tensor.data, tensor.bytes());
}

void SafetensorsStream::close() {
  expect(next_ == tensors_.size(), "convert: " + path_ + " is closed before its last tensor");
  const bool synced = ::fsync(file_) == 0;
  const std::string why = std::strerror(errno);
  ::close(file_);
  file_ = -1;
  require(synced, path_ + ": cannot be written: " + why);
}

void SafetensorsStream::write(const void* data, std::size_t bytes) {
  const auto* at = static_cast<const char*>(data);
  while (bytes > 0) {
    const auto written = ::write(file_, at, bytes);
    if (written < 0 && errno == EINTR) continue;
    require(written > 0, path_ + ": cannot be written: " + std::strerror(errno));
    at += written;
    bytes -= static_cast<std::size_t>(written);
  }
}

}  // namespace clawrl
