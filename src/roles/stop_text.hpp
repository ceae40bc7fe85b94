#pragma once
// Stop strings on streamed text: holds back what may become one. How the text is cut makes no difference.

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace clawrl {

class StopText {
 public:
  explicit StopText(std::vector<std::string> stops) : stops_(std::move(stops)) {}

  /// Text that is certain to come before any stop string. After a hit it returns the rest before the hit, and found().
  std::string push(std::string_view text) {
    if (found_) return {};
    held_ += text;
    std::pair hit(std::string::npos, std::string::npos);  // end and begin: the first that is complete, then the longest
    for (const std::string& stop : stops_)
      if (const std::size_t at = held_.find(stop); at != std::string::npos) hit = std::min(hit, {at + stop.size(), at});
    found_ = hit.second != std::string::npos;
    return take(found_ ? hit.second : held_.size() - longest_beginning());
  }
  /// The stream is over: what was held back after all.
  std::string flush() { return found_ ? std::string() : take(held_.size()); }
  bool found() const { return found_; }

 private:
  std::size_t longest_beginning() const {
    std::size_t longest = 0;
    for (const std::string& stop : stops_)
      for (std::size_t n = std::min(stop.size() - 1, held_.size()); n > longest; --n)
        if (held_.compare(held_.size() - n, n, stop, 0, n) == 0) longest = n;
    return longest;
  }
  std::string take(std::size_t n) {
    std::string out = held_.substr(0, n);
    held_.erase(0, n);
    return out;
  }

  std::vector<std::string> stops_;
  std::string held_;
  bool found_ = false;
};

}  // namespace clawrl
