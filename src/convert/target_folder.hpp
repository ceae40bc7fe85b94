#pragma once
// A folder that is written under a temporary name and appears whole or not at all. Internal to convert/.

#include <filesystem>
#include <string>

namespace clawrl {

class TargetFolder {
 public:
  /// UserError when `target` exists and is not an empty folder, or when the folder beside it cannot be made.
  explicit TargetFolder(const std::string& target);
  /// Without finish(): removes what was written.
  ~TargetFolder();
  TargetFolder(const TargetFolder&) = delete;
  TargetFolder& operator=(const TargetFolder&) = delete;

  std::string path() const { return temporary_.string(); }  // where to write
  /// Syncs every file to the disk and renames.
  void finish();

 private:
  std::filesystem::path target_, temporary_;
  bool finished_ = false;
};

/// Copies what a model folder holds beside weights and config: tokenizer, chat template, licence. Returns how many.
int copy_side_files(const std::string& from, const std::string& to);

}  // namespace clawrl
