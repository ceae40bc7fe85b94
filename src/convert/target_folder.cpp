#include "convert/target_folder.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/error.hpp"

namespace clawrl {
namespace {

namespace fs = std::filesystem;

void sync(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  require(file >= 0, path.string() + ": cannot be opened: " + std::strerror(errno));
  const bool done = ::fsync(file) == 0 || errno == EINVAL;  // some file systems have no fsync for folders
  const std::string why = std::strerror(errno);
  ::close(file);
  require(done, path.string() + ": cannot be synced to the disk: " + why);
}

bool is_side_file(const std::string& name) {
  static const char* const names[] = {
      "tokenizer.json",    "tokenizer_config.json", "special_tokens_map.json", "vocab.json", "merges.txt",
      "added_tokens.json", "tokenizer.model",       "chat_template.json",      "tekken.json"};
  return std::find(std::begin(names), std::end(names), name) != std::end(names) || name.ends_with(".jinja") ||
         name.starts_with("LICENSE") || name.starts_with("NOTICE");
}

}  // namespace

TargetFolder::TargetFolder(const std::string& target) : target_(fs::absolute(target).lexically_normal()) {
  if (!target_.has_filename()) target_ = target_.parent_path();
  std::error_code error;
  const bool free = !fs::exists(target_) || (fs::is_directory(target_) && fs::is_empty(target_, error));
  require(free && !error, target + ": is there already; name a folder that does not exist or is empty");
  temporary_ = target_.parent_path() / (".tmp-" + target_.filename().string() + "-" + std::to_string(::getpid()));
  fs::remove_all(temporary_, error);
  fs::create_directories(temporary_, error);
  require(!error, temporary_.string() + ": cannot be made: " + error.message());
}

TargetFolder::~TargetFolder() {
  std::error_code ignored;
  if (!finished_) fs::remove_all(temporary_, ignored);
}

void TargetFolder::finish() {
  for (const auto& entry : fs::recursive_directory_iterator(temporary_)) sync(entry.path());
  sync(temporary_);
  std::error_code error;
  fs::rename(temporary_, target_, error);
  require(!error, target_.string() + ": cannot be renamed into place: " + error.message());
  finished_ = true;
  sync(target_.parent_path());
}

int copy_side_files(const std::string& from, const std::string& to) {
  int copied = 0;
  for (const auto& entry : fs::directory_iterator(from)) {
    const std::string name = entry.path().filename().string();
    if (!is_side_file(name) || !entry.is_regular_file()) continue;
    std::error_code error;
    fs::copy_file(entry.path(), fs::path(to) / name, error);
    require(!error, (fs::path(to) / name).string() + ": cannot be written: " + error.message());
    ++copied;
  }
  return copied;
}

}  // namespace clawrl
