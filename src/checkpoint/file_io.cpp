#include "checkpoint/file_io.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "core/error.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace clawrl::file_io {
namespace {

constexpr std::size_t piece = std::size_t{2} << 20;  // hashed and handed to the kernel while in the cache

[[noreturn]] void fail(const Path& path, const char* what) {
  throw UserError(path.string() + ": cannot be " + what + ": " + std::strerror(errno));
}

/// A descriptor that is closed at the end of the scope.
struct Descriptor {
  int number;
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
};

class Hash {
 public:
  Hash() : state_(XXH3_createState(), XXH3_freeState) { XXH3_64bits_reset(state_.get()); }
  void add(const void* bytes, std::size_t count) { XXH3_64bits_update(state_.get(), bytes, count); }
  std::uint64_t value() const { return XXH3_64bits_digest(state_.get()); }

 private:
  std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> state_;
};

}  // namespace

Output::Output(const Path& path, Mode mode) : path_(path) {
  file_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | (mode == Mode::create ? O_CREAT | O_TRUNC : 0), 0644);
  if (file_ < 0) fail(path, "opened for writing");
}

Output::~Output() {
  ::close(file_);
}

std::uint64_t Output::write(std::span<const std::byte> bytes, std::uint64_t offset) {
  Hash hash;
  while (!bytes.empty()) {
    auto part = bytes.first(std::min(piece, bytes.size()));
    const auto begin = offset;
    hash.add(part.data(), part.size());
    bytes = bytes.subspan(part.size());
    while (!part.empty()) {
      const auto written = ::pwrite(file_, part.data(), part.size(), static_cast<off_t>(offset));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail(path_, "written");
      part = part.subspan(static_cast<std::size_t>(written));
      offset += static_cast<std::uint64_t>(written);
    }
    // The disk begins at once: fsync finds little left, and the journal's own fsyncs do not wait behind a big burst.
    // Only a hint, so its result does not matter.
    (void)::sync_file_range(file_, static_cast<off_t>(begin), static_cast<off_t>(offset - begin),
                            SYNC_FILE_RANGE_WRITE);
  }
  return hash.value();
}

void Output::sync() {
  if (::fsync(file_) != 0) fail(path_, "synced to disk");
}

Input::Input(const Path& path) : path_(path), file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (file_ < 0) fail(path, "read");
}

Input::~Input() {
  ::close(file_);
}

std::uint64_t Input::size() const {
  struct stat status {};
  if (::fstat(file_, &status) != 0) fail(path_, "read");
  return static_cast<std::uint64_t>(status.st_size);
}

void Input::read(std::span<std::byte> into, std::uint64_t offset) const {
  while (!into.empty()) {
    const auto count = ::pread(file_, into.data(), into.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(path_, "read");
    require(count > 0, path_.string() + ": is damaged (ends at byte " + std::to_string(offset) + ")");
    into = into.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
}

std::uint64_t Input::checksum(std::span<const Extent> extents) const {
  std::vector<std::byte> buffer(piece);
  Hash hash;
  for (auto [offset, bytes] : extents)
    while (bytes > 0) {
      const auto part = std::span(buffer).first(static_cast<std::size_t>(std::min<std::uint64_t>(piece, bytes)));
      read(part, offset);
      hash.add(part.data(), part.size());
      offset += part.size();
      bytes -= part.size();
    }
  return hash.value();
}

std::vector<std::byte> Input::read_all() const {
  std::vector<std::byte> bytes(static_cast<std::size_t>(size()));
  read(bytes, 0);
  return bytes;
}

void require_space(const Path& folder, std::uint64_t bytes) {
  const Path probe = folder / (".space-" + std::to_string(::getpid()));
  const Descriptor file{::open(probe.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644)};
  if (file.number < 0) fail(folder, "written to");
  ::unlink(probe.c_str());
  if (::fallocate(file.number, 0, 0, static_cast<off_t>(bytes)) == 0) return;
  if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)
    throw UserError(folder.string() + ": no room for " + std::to_string(bytes) +
                    " more bytes: " + std::strerror(errno));
}

void make_folders(const Path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  require(!error, path.string() + ": cannot be made: " + error.message());
}

void sync_folder(const Path& path) {
  const Descriptor folder{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (folder.number < 0 || ::fsync(folder.number) != 0) fail(path, "synced to disk");
}

void replace_folder(const Path& from, const Path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return;
  if (errno == EEXIST || errno == ENOTEMPTY) {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) != 0) fail(to, "replaced");
    std::filesystem::remove_all(from);
    return;
  }
  if (errno != EINVAL && errno != ENOSYS) fail(to, "made");
  // This file system knows neither flag: two steps, the name is free for a moment.
  Path aside = from;
  aside += ".old";
  std::error_code ignored;
  std::filesystem::rename(to, aside, ignored);
  if (::rename(from.c_str(), to.c_str()) != 0) fail(to, "made");
  std::filesystem::remove_all(aside, ignored);
}

}  // namespace clawrl::file_io
