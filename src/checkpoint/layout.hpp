#pragma once
// Names inside a checkpoint root. Internal to checkpoint/.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace clawrl::layout {

inline const std::string temporary_prefix = ".tmp-";
inline const std::string manifest_file = "manifest.h5";

std::string folder_name(std::int64_t step);  // step_00000012
std::optional<std::int64_t> step_of(const std::string& folder_name);
std::filesystem::path final_folder(const std::string& root, std::int64_t step);
std::filesystem::path temporary_folder(const std::string& root, std::int64_t step);
std::string shard_file(int rank, int count);  // shard_1_of_4.h5

}  // namespace clawrl::layout
