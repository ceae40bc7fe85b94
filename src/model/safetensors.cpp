#include "model/safetensors.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "core/error.hpp"
#include "model/safetensors_header.hpp"

namespace clawrl {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors bytes are little-endian");
constexpr std::size_t max_header = 100'000'000;  // the format's own limit
constexpr std::int64_t piece_elements = std::int64_t{1} << 18;

struct File {
  int number;
  ~File() {
    if (number >= 0) ::close(number);
  }
};

}  // namespace

SafetensorsFile::SafetensorsFile(const std::string& path) {
  const File file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};  // a pipe must not block
  require(file.number >= 0, path + ": cannot be opened: " + std::strerror(errno));
  struct stat status {};
  require(::fstat(file.number, &status) == 0 && S_ISREG(status.st_mode), path + ": is not a file");
  size_ = static_cast<std::size_t>(status.st_size);
  require(size_ >= 8, path + ": is truncated: it has only " + std::to_string(size_) + " bytes");
  mapping_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.number, 0);
  require(mapping_ != MAP_FAILED, path + ": cannot be mapped: " + std::strerror(errno));
  ::madvise(mapping_, size_, MADV_SEQUENTIAL);
  try {
    auto* bytes = static_cast<char*>(mapping_);
    std::uint64_t header_bytes = 0;
    std::memcpy(&header_bytes, bytes, 8);
    require(header_bytes <= max_header && header_bytes <= size_ - 8,
            path + ": is truncated or no safetensors file: its header would need " + std::to_string(header_bytes) +
                " bytes");
    auto header = parse_safetensors_header({bytes + 8, header_bytes}, size_ - 8 - header_bytes, path);
    metadata_ = std::move(header.metadata);
    char* data = bytes + 8 + header_bytes;
    for (auto& tensor : header.tensors)
      tensors_.push_back({std::move(tensor.name), tensor.type, std::move(tensor.shape), data + tensor.begin});
  } catch (...) {
    ::munmap(mapping_, size_);
    throw;
  }
}

SafetensorsFile::~SafetensorsFile() {
  ::munmap(mapping_, size_);
}

const ParameterView* SafetensorsFile::find(const std::string& name) const {
  const auto at = std::lower_bound(tensors_.begin(), tensors_.end(), name,
                                   [](const auto& tensor, const auto& wanted) { return tensor.name < wanted; });
  return at != tensors_.end() && at->name == name ? &*at : nullptr;
}

void SafetensorsFile::for_pieces(const ParameterView& tensor, const TakePiece& body) const {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  for (std::int64_t begin = 0, all = tensor.elements(); begin < all; begin += piece_elements) {
    const auto piece = part_of(tensor, begin, std::min(piece_elements, all - begin));
    body(piece, begin);
    const auto address = reinterpret_cast<std::uintptr_t>(piece.data);
    const auto first = address / page * page, end = (address + piece.bytes()) / page * page;
    if (end > first) ::madvise(reinterpret_cast<void*>(first), end - first, MADV_DONTNEED);  // stays in the page cache
  }
}

ParameterView part_of(const ParameterView& view, std::int64_t begin, std::int64_t count) {
  auto* data = static_cast<char*>(view.data) + static_cast<std::size_t>(begin) * size_of(view.type);
  return {view.name, view.type, {count}, data, view.space};
}

}  // namespace clawrl
