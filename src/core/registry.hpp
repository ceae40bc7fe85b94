#pragma once
// Names that source files register when the program starts. Keep one as a function-local static, so that registrations
// from other files' static objects find it whatever the order.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/error.hpp"

namespace clawrl {

template <class Entry>
class Registry {
 public:
  /// `setting` is what chooses among the names, e.g. "samples.method".
  explicit Registry(std::string setting, std::map<std::string, Entry> entries = {})
      : setting_(std::move(setting)), entries_(std::move(entries)) {}

  /// InternalError for a name that is taken.
  void add(const std::string& name, Entry entry) {
    expect(entries_.emplace(name, std::move(entry)).second, setting_ + " '" + name + "' is registered twice");
  }
  /// UserError with the known names.
  const Entry& find(const std::string& name) const {
    const auto found = entries_.find(name);
    if (found != entries_.end()) return found->second;
    std::string known;
    for (const auto& [one, entry] : entries_) known += (known.empty() ? "" : ", ") + one;
    throw UserError(setting_ + " = '" + name + "' is not allowed: one of " + known);
  }
  std::vector<std::string> names() const {  // sorted
    std::vector<std::string> names;
    for (const auto& [name, entry] : entries_) names.push_back(name);
    return names;
  }

 private:
  std::string setting_;
  std::map<std::string, Entry> entries_;
};

}  // namespace clawrl
