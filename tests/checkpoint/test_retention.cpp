// Which checkpoints are kept.

#include "core/error.hpp"
#include "made_tensors.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

std::vector<std::int64_t> steps(const std::string& root) {
  std::vector<std::int64_t> found;
  for (const auto& info : list_checkpoints(root)) found.push_back(info.step);
  return found;
}

void write_steps(const std::string& root, int last) {
  Tensors tiny;
  tiny.add("w", DType::f32, {4});
  for (int step = 1; step <= last; ++step) write_checkpoint(root, step, tiny, 1);
}

}  // namespace

TEST_CASE("the last N and every M-th are kept") {
  Folder folder;
  write_steps(folder.root(), 11);
  CHECK(prune(folder.root(), 3, 4) == std::vector<std::int64_t>{1, 2, 3, 5, 6, 7});
  CHECK(steps(folder.root()) == std::vector<std::int64_t>{4, 8, 9, 10, 11});
  CHECK(prune(folder.root(), 3, 4).empty());
  CHECK(prune(folder.root(), 1, 0) == std::vector<std::int64_t>{4, 8, 9, 10});
  CHECK(steps(folder.root()) == std::vector<std::int64_t>{11});
  CHECK(remove_leftovers(folder.root()).empty());
  CHECK_THROWS_AS(prune(folder.root(), 0, 0), UserError);
  CHECK_THROWS_AS(prune(folder.root(), 1, -1), UserError);
}

TEST_CASE("the newest one of a version up to the good one stays") {
  Folder folder;
  write_steps(folder.root(), 8);  // step n made version n
  CHECK(prune(folder.root(), 2, 0, 3) == std::vector<std::int64_t>{1, 2, 4, 5, 6});
  CHECK(steps(folder.root()) == std::vector<std::int64_t>{3, 7, 8});
  CHECK(prune(folder.root(), 2, 0, 6).empty());  // 3 is the newest one before it
  CHECK(prune(folder.root(), 2, 0, 8) == std::vector<std::int64_t>{3});
  CHECK(prune(folder.root(), 2, 0, 0).empty());
}

TEST_CASE("the start stays where versions are audited, and only there") {
  Folder folder;
  Tensors tiny;
  tiny.add("w", DType::f32, {4});
  for (int step = 0; step <= 6; ++step) write_checkpoint(folder.root(), step, tiny, 1);
  CHECK(prune(folder.root(), 2, 0, 3) == std::vector<std::int64_t>{1, 2, 4});
  CHECK(prune(folder.root(), 2, 0) == std::vector<std::int64_t>{0, 3});
}

TEST_CASE("the newest undamaged one of a version up to the good one is found, with a word about those passed over") {
  Folder folder;
  CHECK_FALSE(find_newest_until(folder.root(), 9).found);
  write_steps(folder.root(), 6);
  CHECK(find_newest_until(folder.root(), 4).found->state.step == 4);
  CHECK(find_newest_until(folder.root(), 100).found->state.step == 6);
  CHECK_FALSE(find_newest_until(folder.root(), 0).found);
  std::filesystem::remove(std::filesystem::path(folder.root()) / "step_00000004" / "manifest.h5");
  const auto search = find_newest_until(folder.root(), 4);
  REQUIRE(search.found);
  CHECK(search.found->state.step == 3);
  REQUIRE(search.warnings.size() == 1);
  CHECK(search.warnings[0].find("step_00000004") != std::string::npos);
}

TEST_CASE("damaged ones do not count; a damaged newest one is left to be looked at") {
  Folder folder;
  write_steps(folder.root(), 6);
  for (const char* step : {"step_00000006", "step_00000004"})
    std::filesystem::remove(std::filesystem::path(folder.root()) / step / "manifest.h5");
  CHECK(prune(folder.root(), 2, 2) == std::vector<std::int64_t>{1, 4});
  CHECK(steps(folder.root()) == std::vector<std::int64_t>{2, 3, 5, 6});
}

TEST_CASE("other files in the folder are neither listed nor touched") {
  Folder folder;
  write_steps(folder.root(), 2);
  write_file(std::filesystem::path(folder.root()) / "step_notes", "mine");
  std::filesystem::create_directory(std::filesystem::path(folder.root()) / "step_7");
  prune(folder.root(), 1, 0);
  CHECK(steps(folder.root()) == std::vector<std::int64_t>{2});
  CHECK(std::filesystem::exists(std::filesystem::path(folder.root()) / "step_notes"));
  CHECK(std::filesystem::exists(std::filesystem::path(folder.root()) / "step_7"));
}
