#include <algorithm>

#include "checkpoint/checkpoint_reader.hpp"
#include "checkpoint/checkpoint_writer.hpp"
#include "checkpoint/layout.hpp"
#include "core/error.hpp"

namespace clawrl {
namespace {

namespace fs = std::filesystem;

/// Out of sight by a rename first: a checkpoint is never half removed.
void remove_checkpoint(const std::string& root, const CheckpointInfo& info) {
  const fs::path aside =
      fs::path(root) / (layout::temporary_prefix + "removed-" + fs::path(info.path).filename().string());
  std::error_code error;
  fs::remove_all(aside, error);
  fs::rename(info.path, aside, error);
  if (!error) fs::remove_all(aside, error);
  require(!error, info.path + ": cannot be removed: " + error.message());
}

}  // namespace

std::vector<std::string> remove_leftovers(const std::string& root) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(root, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(layout::temporary_prefix)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  for (const auto& name : names) {
    fs::remove_all(fs::path(root) / name, error);
    require(!error, (fs::path(root) / name).string() + ": cannot be removed: " + error.message());
  }
  return names;
}

std::vector<std::int64_t> prune(const std::string& root, int keep_last, std::int64_t keep_every,
                                std::optional<std::int64_t> good_version) {
  require(keep_last >= 1, "checkpoint: keep_last = " + std::to_string(keep_last) + ", allowed: 1 or more");
  require(keep_every >= 0, "checkpoint: keep_every = " + std::to_string(keep_every) + ", allowed: 0 (off) or more");
  auto found = list_checkpoints(root);
  std::reverse(found.begin(), found.end());
  std::vector<std::int64_t> removed;
  const bool audited = good_version.has_value();
  int whole = 0;  // complete ones met so far, newest first
  for (const auto& info : found) {
    const bool damaged = !info.problem.empty();
    const bool marked = keep_every > 0 && info.step % keep_every == 0 && !damaged;
    const bool recent = damaged ? whole == 0 : whole < keep_last;  // a damaged newest one is left to be looked at
    if (!damaged) ++whole;
    const bool good =
        good_version && !damaged && open_checkpoint(info.path, Verify::sizes).state.version.number <= *good_version;
    if (good) good_version.reset();  // older ones are not needed for it, but for the start
    const bool start = audited && info.step == 0;
    if (recent || marked || good || start) continue;
    remove_checkpoint(root, info);
    removed.push_back(info.step);
  }
  std::reverse(removed.begin(), removed.end());
  return removed;
}

std::vector<std::int64_t> remove_between(const std::string& root, std::int64_t after, std::int64_t before) {
  std::vector<std::int64_t> removed;
  for (const auto& info : list_checkpoints(root)) {
    if (info.step <= after || info.step >= before) continue;
    remove_checkpoint(root, info);
    removed.push_back(info.step);
  }
  return removed;
}

}  // namespace clawrl
