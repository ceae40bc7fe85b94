#pragma once
// Names of a policy line's tensors in a checkpoint: those of "main" as they are, of others with "line.<line>." before.

#include <string>

namespace clawrl {

inline std::string line_prefix(const std::string& line) {
  return line == "main" ? "" : "line." + line + ".";
}

inline std::string line_of_tensor(const std::string& name) {
  const std::size_t begin = std::string("line.").size();
  return name.starts_with("line.") ? name.substr(begin, name.find('.', begin) - begin) : "main";
}

}  // namespace clawrl
