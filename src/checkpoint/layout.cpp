#include "checkpoint/layout.hpp"

#include <charconv>
#include <cstdio>

namespace clawrl::layout {

std::string folder_name(std::int64_t step) {
  char text[40];
  std::snprintf(text, sizeof text, "step_%08lld", static_cast<long long>(step));
  return text;
}

std::optional<std::int64_t> step_of(const std::string& name) {
  const std::string prefix = "step_";
  if (!name.starts_with(prefix)) return std::nullopt;
  std::int64_t step = 0;
  const char* const end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + prefix.size(), end, step);
  if (error != std::errc{} || stop != end || folder_name(step) != name) return std::nullopt;
  return step;
}

std::filesystem::path final_folder(const std::string& root, std::int64_t step) {
  return std::filesystem::path(root) / folder_name(step);
}

std::filesystem::path temporary_folder(const std::string& root, std::int64_t step) {
  return std::filesystem::path(root) / (temporary_prefix + folder_name(step));
}

std::string shard_file(int rank, int count) {
  return "shard_" + std::to_string(rank) + "_of_" + std::to_string(count) + ".h5";
}

}  // namespace clawrl::layout
