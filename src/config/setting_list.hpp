#pragma once
// A list of named settings bound to fields: what the parser fills, --help lists and the resolved file prints. Jobs with
// settings of their own (sft, simulate_users) add them here.

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace clawrl {

struct Range {
  double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();
};
inline Range at_least(double low) {
  return {.low = low};
}
inline Range between(double low, double high) {
  return {low, high};
}

struct Setting {
  std::string name;  // <section>.<field>
  std::string help;
  std::string allowed;                          // in words: "1..65535", "one of a, b"
  bool is_switch = false;                       // the bare name means true
  std::function<void(const std::string&)> set;  // throws UserError with name and allowed values
  std::function<std::string()> get;             // set(get()) changes nothing
  std::string section() const { return name.substr(0, name.find('.')); }
};

/// The fields must outlive the list. Integers may carry a suffix k, M or G (1024-based) when set.
class SettingList {
 public:
  void add(const std::string& name, bool& field, const std::string& help);
  void add(const std::string& name, std::int32_t& field, const std::string& help, Range range = {});
  void add(const std::string& name, std::int64_t& field, const std::string& help, Range range = {});
  void add(const std::string& name, std::uint64_t& field, const std::string& help);
  void add(const std::string& name, float& field, const std::string& help, Range range = {});
  void add(const std::string& name, double& field, const std::string& help, Range range = {});
  void add(const std::string& name, std::string& field, const std::string& help, std::vector<std::string> choices = {});
  /// Comma-separated.
  void add(const std::string& name, std::vector<std::string>& field, const std::string& help,
           std::vector<std::string> choices = {});

  const std::vector<Setting>& all() const { return settings_; }
  Setting* find(const std::string& name);

 private:
  std::vector<Setting> settings_;
};

}  // namespace clawrl
