// What is written comes back bit for bit, whatever the number of shards.

#include <algorithm>
#include <chrono>
#include <thread>

#include "core/error.hpp"
#include "made_tensors.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;
using Catch::Matchers::Contains;

TEST_CASE("tensors and run state come back bit for bit from any number of shards") {
  Folder folder;
  const Tensors written = make_tensors(7);
  for (const int count : {1, 3, 4, 40}) {
    const auto path = write_checkpoint(folder.root(), count, written, count);
    Tensors read = make_tensors(8);
    read.zero();
    const Checkpoint checkpoint = open_checkpoint(path);
    CHECK(checkpoint.shards.size() == static_cast<std::size_t>(count));
    for (int rank = 0; rank < 2; ++rank) load_tensors(checkpoint, owned_views(read.views, 2, rank));  // two readers
    CHECK(read.storage == written.storage);
    const RunState expected = make_state(count);
    CHECK(checkpoint.state.step == expected.step);
    CHECK(checkpoint.state.version == expected.version);
    CHECK(checkpoint.state.journal_watermark == expected.journal_watermark);
    CHECK(checkpoint.state.seed == expected.seed);
    CHECK(checkpoint.state.rng == expected.rng);
    CHECK(checkpoint.state.configuration == expected.configuration);
    CHECK(checkpoint.state.base_model_hash == expected.base_model_hash);
    CHECK(checkpoint.state.clawrl_version == expected.clawrl_version);
    CHECK(checkpoint.state.created_s == expected.created_s);
  }
}

TEST_CASE("equal state gives equal files, whenever they are written") {
  Folder one, two;
  const Tensors tensors = make_tensors(7);
  const auto a = write_checkpoint(one.root(), 5, tensors, 2);
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  const auto b = write_checkpoint(two.root(), 5, tensors, 2);
  for (const char* file : {"shard_0_of_2.h5", "shard_1_of_2.h5"})
    CHECK(read_file(std::filesystem::path(a) / file) == read_file(std::filesystem::path(b) / file));
}

TEST_CASE("a checkpoint of the same step is replaced") {
  Folder folder;
  write_checkpoint(folder.root(), 5, make_tensors(1), 4);
  const Tensors second = make_tensors(2);
  const auto path = write_checkpoint(folder.root(), 5, second, 2);
  CHECK(list_checkpoints(folder.root()).size() == 1);
  Tensors read = make_tensors(3);
  load_tensors(open_checkpoint(path), read.views);
  CHECK(read.storage == second.storage);
  CHECK(remove_leftovers(folder.root()).empty());
}

TEST_CASE("wrong shapes, types and names are told by tensor") {
  Folder folder;
  const Checkpoint checkpoint = open_checkpoint(write_checkpoint(folder.root(), 5, make_tensors(1), 2));
  Tensors wide = make_tensors(1, 32);
  CHECK_THROWS_WITH(load_tensors(checkpoint, wide.views),
                    Contains("model.embed_tokens.weight is f32 [50,16], the model wants f32 [50,32]"));
  Tensors other;
  other.add("extra.f16", DType::bf16, {7});
  CHECK_THROWS_WITH(load_tensors(checkpoint, other.views), Contains("extra.f16 is f16 [7], the model wants bf16 [7]"));
  Tensors absent;
  absent.add("lm_head.weight", DType::f32, {2});
  CHECK_THROWS_WITH(load_tensors(checkpoint, absent.views), Contains("has no tensor lm_head.weight"));
  Tensors part = make_tensors(1);
  const std::string dropped = part.views.front().name;
  part.views.erase(part.views.begin());
  CHECK_NOTHROW(load_tensors(checkpoint, part.views));
  CHECK_THROWS_WITH(load_all_tensors(checkpoint, part.views), Contains("holds tensor " + dropped));
  for (const char* name : {"", "a..b", ".a", "a.", "a/b", "a b", "a\nb"}) {
    Tensors bad;
    bad.add(name, DType::f32, {1});
    CHECK_THROWS_AS(write_shard(folder.root(), 6, 0, 1, bad.views), UserError);
  }
  CHECK(remove_leftovers(folder.root()).empty());
}

TEST_CASE("description names everything") {
  Folder folder;
  const auto text = describe_checkpoint(write_checkpoint(folder.root(), 12, make_tensors(1), 2));
  for (const char* part :
       {"step 12", "version 12 of line main", "watermark 1012", "shard_1_of_2.h5", "adam.step i64 [1]",
        "model.layers.1.mlp.up_proj.weight f32 [32,16]", "all checksums verified", "method = combined"})
    CHECK_THAT(text, Contains(part));
}

TEST_CASE("partition: every tensor once, balanced, whatever the order of the views") {
  Tensors tensors = make_tensors(1);
  for (const int ranks : {1, 2, 3, 4, 64}) {
    const auto owned = partition_by_bytes(tensors.views, ranks);
    std::vector<int> owners(tensors.views.size(), 0);
    std::vector<std::size_t> load(owned.size(), 0);
    std::size_t largest = 0;
    for (std::size_t rank = 0; rank < owned.size(); ++rank)
      for (const auto index : owned[rank]) {
        ++owners[index];
        load[rank] += tensors.views[index].bytes();
        largest = std::max(largest, tensors.views[index].bytes());
      }
    CHECK(std::all_of(owners.begin(), owners.end(), [](int count) { return count == 1; }));
    const auto [low, high] = std::minmax_element(load.begin(), load.end());
    CHECK(*high - *low <= largest);
    auto reversed = tensors.views;
    std::reverse(reversed.begin(), reversed.end());
    for (int rank = 0; rank < ranks; ++rank) {
      const auto a = owned_views(tensors.views, ranks, rank), b = owned_views(reversed, ranks, rank);
      REQUIRE(a.size() == b.size());
      for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i].name == b[i].name);
    }
  }
}
