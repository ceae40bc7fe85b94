#pragma once
// Files with every failure named: UserError "<path>: cannot be ...: <reason of the system>". Internal to checkpoint/.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace clawrl::file_io {

using Path = std::filesystem::path;

/// A file open for writing at offsets.
class Output {
 public:
  enum class Mode { create, existing };
  Output(const Path& path, Mode mode);
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  /// Writes all of it; returns the checksum of the bytes, taken while they are in the cache.
  std::uint64_t write(std::span<const std::byte> bytes, std::uint64_t offset);
  void sync();

 private:
  Path path_;
  int file_ = -1;
};

struct Extent {
  std::uint64_t offset = 0, bytes = 0;
};

/// A file open for reading at offsets.
class Input {
 public:
  explicit Input(const Path& path);
  ~Input();
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  std::uint64_t size() const;
  /// XXH3-64 of the extents one after another: core/checksum.hpp's, of what need not fit in memory.
  std::uint64_t checksum(std::span<const Extent> extents) const;
  std::vector<std::byte> read_all() const;

 private:
  void read(std::span<std::byte> into, std::uint64_t offset) const;
  Path path_;
  int file_ = -1;
};

/// UserError when `folder`'s file system has no room for `bytes` more. Asked by allocating them for a moment, so that a
/// full disk is met before anything is written. File systems that cannot tell are taken to have room.
void require_space(const Path& folder, std::uint64_t bytes);

void make_folders(const Path& path);
void sync_folder(const Path& path);
/// Puts `from` in the place of `to`, in one step also when `to` is a folder that is there already.
void replace_folder(const Path& from, const Path& to);

}  // namespace clawrl::file_io
