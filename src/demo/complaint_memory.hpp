#pragma once
// The rival of learning: a client that keeps what users complained about and puts it into later prompts.

#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace clawrl::demo {

/// Thread-safe. Holds everything it is given.
class ComplaintMemory {
 public:
  void add(const std::string& task, const std::string& complaint);
  /// At most `count` complaints about the most similar tasks: by the share of words that two tasks have in common, the
  /// newest first among equals; no complaint twice.
  std::vector<std::string> similar(const std::string& task, int count) const;

 private:
  struct Entry {
    std::set<std::string> words;  // of the task
    std::string complaint;
  };
  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
};

}  // namespace clawrl::demo
