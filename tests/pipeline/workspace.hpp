#pragma once
// A fresh folder of one test.

#include <filesystem>
#include <string>

namespace clawrl::test {

/// Under the working folder (ctest: the build tree). Declare it before the jobs that use it. Without done() it stays,
/// and the destructor prints the end of every log in it.
class Workspace {
 public:
  explicit Workspace(const std::string& name);
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  void done() { done_ = true; }

 private:
  std::filesystem::path folder_;
  bool done_ = false;
};

}  // namespace clawrl::test
