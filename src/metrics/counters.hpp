#pragma once
// Named event counts, e.g. requests.served or excluded.greedy. Thread-safe.

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace clawrl {

class Counters {
 public:
  void add(const std::string& name, std::int64_t amount = 1) {
    const std::lock_guard lock(mutex_);
    values_[name] += amount;
  }
  std::int64_t get(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    const auto found = values_.find(name);
    return found == values_.end() ? 0 : found->second;
  }
  std::map<std::string, std::int64_t> all() const {
    const std::lock_guard lock(mutex_);
    return values_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::int64_t> values_;
};

}  // namespace clawrl
