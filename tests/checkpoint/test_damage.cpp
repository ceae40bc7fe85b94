// Broken, foreign and half-written checkpoints are named and passed over; a full disk leaves nothing that looks whole.

#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <functional>
#include <iostream>

#include "core/error.hpp"
#include "made_tensors.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

void flip(const fs::path& path, std::size_t place) {
  std::string bytes = read_file(path);
  bytes.at(place) ^= 0x10;
  write_file(path, bytes);
}

/// Where the contents of a tensor begin in a shard.
std::size_t place_of(const fs::path& shard, const Tensors& tensors, std::size_t index) {
  const auto& bytes = tensors.storage[index];
  const auto place = read_file(shard).find(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  REQUIRE(place != std::string::npos);
  return place;
}

/// Steps 1 and 2 are written, `harm` is done to step 2: it is named, and step 1 is used unless strict.
void expect_passed_over(const std::string& what, const std::string& file, const std::function<void(fs::path)>& harm) {
  INFO(what);
  Folder folder;
  const Tensors first = make_tensors(1);
  write_checkpoint(folder.root(), 1, first, 2);
  const fs::path second = write_checkpoint(folder.root(), 2, make_tensors(2), 2);
  harm(second);
  const auto loaded = load_newest(folder.root());
  REQUIRE(loaded);
  CHECK(loaded->checkpoint.state.step == 1);
  REQUIRE(loaded->warnings.size() == 1);
  CHECK_THAT(loaded->warnings[0], Contains((second / file).string()));
  CHECK_THROWS_WITH(load_newest(folder.root(), true), Contains((second / file).string()));
  CHECK_THROWS_AS(describe_checkpoint(second.string()), UserError);
  Tensors read = make_tensors(3);
  load_tensors(loaded->checkpoint, read.views);
  CHECK(read.storage == first.storage);
}

/// Runs in a child, so that its limits end with it; returns its exit status.
int in_child(const std::function<int()>& body) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) ::_exit(body());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("a damaged or incomplete checkpoint is named and the one before it is used") {
  const std::string shard = "shard_1_of_2.h5", manifest = "manifest.h5";
  expect_passed_over("truncated shard", shard, [&](fs::path p) { fs::resize_file(p / shard, 3000); });
  const Tensors second = make_tensors(2);
  const std::size_t owned = partition_by_bytes(second.views, 2)[1].front();
  expect_passed_over("bit flip in a tensor", shard,
                     [&](fs::path p) { flip(p / shard, place_of(p / shard, second, owned) + 5); });
  expect_passed_over("bit flip in the structure", shard, [&](fs::path p) { flip(p / shard, 40); });
  expect_passed_over("missing shard", shard, [&](fs::path p) { fs::remove(p / shard); });
  expect_passed_over("missing manifest", manifest, [&](fs::path p) { fs::remove(p / manifest); });
  expect_passed_over("empty manifest", manifest, [&](fs::path p) { write_file(p / manifest, ""); });
  expect_passed_over("truncated manifest", manifest, [&](fs::path p) { fs::resize_file(p / manifest, 2000); });
  expect_passed_over("bit flip in the manifest", manifest, [&](fs::path p) { flip(p / manifest, 1500); });
  expect_passed_over("foreign HDF5 file", manifest,
                     [&](fs::path p) { fs::copy_file(p / shard, p / manifest, fs::copy_options::overwrite_existing); });
}

TEST_CASE("a bit flip anywhere in a shard or the manifest is found") {
  Folder folder;
  const fs::path path = write_checkpoint(folder.root(), 1, make_tensors(1), 2);
  std::size_t tried = 0;
  for (const char* file : {"manifest.h5", "shard_0_of_2.h5"}) {
    const std::string whole = read_file(path / file);
    for (std::size_t place = 0; place < whole.size(); place += 97) {
      std::string harmed = whole;
      harmed[place] ^= static_cast<char>(1 << (place % 8));
      write_file(path / file, harmed);
      CHECK_THROWS_AS(open_checkpoint(path.string()), UserError);
      ++tried;
    }
    write_file(path / file, whole);
  }
  open_checkpoint(path.string());
  std::cout << tried << " flips found" << std::endl;
}

TEST_CASE("tensors are checked again while they are loaded") {
  Folder folder;
  const Tensors written = make_tensors(1);
  const fs::path path = write_checkpoint(folder.root(), 1, written, 1);
  const Checkpoint checkpoint = open_checkpoint(path.string());
  flip(path / "shard_0_of_1.h5", place_of(path / "shard_0_of_1.h5", written, 1));
  Tensors read = make_tensors(2);
  CHECK_THROWS_WITH(load_tensors(checkpoint, read.views),
                    Contains("shard_0_of_1.h5: tensor model.norm.weight is damaged"));
}

TEST_CASE("no checkpoint at all, and none that is whole") {
  Folder folder;
  CHECK_FALSE(load_newest(folder.root()));
  for (int step = 1; step <= 2; ++step)
    fs::remove(fs::path(write_checkpoint(folder.root(), step, make_tensors(1), 1)) / "manifest.h5");
  CHECK_THROWS_WITH(load_newest(folder.root()), Contains("step_00000001") && Contains("step_00000002"));
}

TEST_CASE("a crash before the rename leaves only a temporary, which is ignored and cleaned") {
  Folder folder;
  const Tensors tensors = make_tensors(1);
  write_checkpoint(folder.root(), 1, tensors, 2);
  write_shard(folder.root(), 2, 0, 2, owned_views(tensors.views, 2, 0));  // and then the machine stops
  CHECK(list_checkpoints(folder.root()).size() == 1);
  CHECK(load_newest(folder.root())->checkpoint.state.step == 1);
  write_shard(folder.root(), 3, 1, 7, owned_views(tensors.views, 7, 1));
  write_checkpoint(folder.root(), 3, tensors, 2);  // over the rest of a broken attempt of another layout
  CHECK(load_newest(folder.root(), true)->checkpoint.shards.size() == 2);
  CHECK_FALSE(fs::exists(fs::path(folder.root()) / "step_00000003" / "shard_1_of_7.h5"));
  CHECK(remove_leftovers(folder.root()) == std::vector<std::string>{".tmp-step_00000002"});
  CHECK(remove_leftovers(folder.root()).empty());
  CHECK(list_checkpoints(folder.root()).size() == 2);
}

TEST_CASE("file size limit while writing: named, and nothing is left") {
  Folder folder;
  const auto body = [&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{20000, 20000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      write_shard(folder.root(), 1, 0, 1, make_tensors(1).views);
      return 1;
    } catch (const UserError& error) {
      return std::string(error.what()).find(folder.root()) == std::string::npos ? 2 : 0;
    }
  };
  CHECK(in_child(body) == 0);
  CHECK(list_checkpoints(folder.root()).empty());
  CHECK(remove_leftovers(folder.root()).empty());
}

TEST_CASE("disk full while writing shards or the manifest: named, the older checkpoint stays") {
  Folder folder;
  const Tensors tensors = make_tensors(1);
  if (::mount("none", folder.path.c_str(), "tmpfs", 0, "size=300k") != 0) {
    WARN("not run: a file system of limited size cannot be mounted here");
    return;
  }
  struct Unmount {
    std::string path;
    ~Unmount() { ::umount(path.c_str()); }
  } unmount{folder.path.string()};
  write_checkpoint(folder.root(), 1, tensors, 2);
  CHECK_THROWS_WITH(write_shard(folder.root(), 2, 0, 1, make_tensors(2, 64).views),
                    Contains(".tmp-step_00000002") && Contains("No space left"));
  CHECK(remove_leftovers(folder.root()).empty());
  Tensors tiny;
  tiny.add("w", DType::f32, {4});
  const auto shard = write_shard(folder.root(), 3, 0, 1, tiny.views);
  std::ofstream filler(folder.path / "filler");  // takes the rest, so that the manifest has no room
  for (int i = 0; i < 400; ++i) filler << std::string(1024, 'f') << std::flush;
  CHECK_THROWS_WITH(commit_checkpoint(folder.root(), make_state(3), {shard}), Contains("manifest.h5"));
  CHECK(remove_leftovers(folder.root()).empty());
  CHECK(load_newest(folder.root(), true)->checkpoint.state.step == 1);
}

TEST_CASE("a folder that cannot be written is named") {
  Folder folder;
  write_file(folder.path / "file", "in the way");
  const auto root = (folder.path / "file" / "checkpoints").string();
  CHECK_THROWS_WITH(write_shard(root, 1, 0, 1, make_tensors(1).views), Contains(root));
  CHECK_THROWS_AS(commit_checkpoint(folder.root(), make_state(1), {}), InternalError);
}
